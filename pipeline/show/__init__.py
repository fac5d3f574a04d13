"""What a person sees: tables, summaries of runs, explained verdicts and pictures."""
