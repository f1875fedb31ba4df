"""The procedures, one file per right; each `procedure` reads as the law's steps."""
