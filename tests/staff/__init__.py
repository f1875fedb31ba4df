"""Staff and dashboards."""
