"""What stops a run until a person has looked: a plan too large, figures that fell, a clock that jumped."""
