"""How the outside starts and steers requests: client, command line, embedded servers, settings."""
