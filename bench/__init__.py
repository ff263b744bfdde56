"""Questions about speed and about real data, each answered by a run that anyone can repeat."""
