"""What a person or a program can ask for, whichever face it is asked through: the command line or the dashboard."""
