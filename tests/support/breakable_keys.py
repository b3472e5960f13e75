"""RSA keys with a known weakness, made anew: whoever knows the weakness computes the private key."""

from random import Random

import gmpy2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers

E = 65537
BITS = 1024


def close_primes(seed: int = 1) -> RSAPrivateKey:
    """The second prime is the next one after the first: Fermat's method finds both at once."""
    first = gmpy2.next_prime(Random(seed).getrandbits(BITS) | 3 << BITS - 2)
    return _key(int(first), int(gmpy2.next_prime(first)))


def roca(seed: int = 2) -> RSAPrivateKey:
    """Primes of the form k·M + (65537^a mod M), M the product of the first 126 primes (Nemec and others, 2017)."""
    random, modulus, prime = Random(seed), 1, gmpy2.mpz(1)
    for _ in range(126):
        prime = gmpy2.next_prime(prime)
        modulus *= int(prime)

    def flawed() -> int:
        while True:
            power = pow(E, random.getrandbits(256), modulus)
            low, high = (3 << BITS - 2) // modulus + 1, (1 << BITS) // modulus - 1
            if gmpy2.is_prime(found := random.randint(low, high) * modulus + power):
                return found

    return _key(flawed(), flawed())


def _key(p: int, q: int) -> RSAPrivateKey:
    d = int(gmpy2.invert(E, (p - 1) * (q - 1)))
    numbers = RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(E, p * q)
    )
    return numbers.private_key()
