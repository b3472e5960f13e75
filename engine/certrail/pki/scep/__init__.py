"""Messages of SCEP (RFC 8894): CMS SignedData around EnvelopedData, read leniently and written in DER."""
