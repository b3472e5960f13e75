"""Migration of a project from before Applications existed: file format, verification and loading."""
