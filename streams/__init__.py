"""The outside: messages in, warnings and pages out, and the one place that wires it all."""
