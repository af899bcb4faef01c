"""The last stage of a run: what each CRM should change, compared, guarded and sent, destinations in turns."""
