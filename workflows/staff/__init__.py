"""The messages of staff and programs: one file per subject, each action checked and recorded."""
