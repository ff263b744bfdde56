"""The judgement: rolling indicators, rules and the life of a warning. Pure, no I/O."""
