"""Certificate authorities: keys, certificate versions, signing, CRLs and OCSP."""
