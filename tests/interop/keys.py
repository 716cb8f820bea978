"""Makes a key pair with the library that the reference signs with.

usage: keys.py CURVE PRIVATE PUBLIC   (CURVE as the library spells it, for example SECP384R1)
"""

import pathlib
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def main():
    curve, private, public = sys.argv[1:]
    key = ec.generate_private_key(getattr(ec, curve)())
    pathlib.Path(private).write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    pathlib.Path(public).write_bytes(key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


if __name__ == "__main__":
    main()
