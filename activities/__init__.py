"""The side effects of the procedures, one file per collaborator; a business step, a transaction."""
