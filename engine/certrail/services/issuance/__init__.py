"""Certificate requests, from acceptance to the issued certificate, and imports."""
