import LOCALE from '@salesforce/i18n/locale';
import TIME_ZONE from '@salesforce/i18n/timeZone';
import { getFieldValue, getRecord } from 'lightning/uiRecordApi';
import { api, LightningElement, wire } from 'lwc';

import { contactOn } from './contact';
import { today } from './days';
import { fieldsOf } from './fields';

/** What Lamplighter wrote on this contact or person account. It reads that record and nothing else: no server, no Apex. */
export default class LamplighterContact extends LightningElement {
    @api recordId;

    loading = true;
    failed = false;
    contact = null;
    _objectApiName;
    fields;

    @api
    get objectApiName() {
        return this._objectApiName;
    }

    set objectApiName(name) {
        this._objectApiName = name;
        this.fields = Object.values(fieldsOf(name));
    }

    @wire(getRecord, { recordId: '$recordId', fields: '$fields' })
    read({ data, error }) {
        this.loading = !data && !error;
        this.failed = Boolean(error);
        this.contact = data ? contactOn(today(new Date(), TIME_ZONE), this.valuesOf(data), LOCALE) : null;
    }

    valuesOf(record) {
        return Object.fromEntries(
            Object.entries(fieldsOf(this.objectApiName)).map(([name, field]) => [name, getFieldValue(record, field)])
        );
    }
}
