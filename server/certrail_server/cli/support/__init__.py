"""What commands that call the API share: the connection, credentials, names, and documents."""
