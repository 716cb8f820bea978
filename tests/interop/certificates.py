"""Makes a root, an authority below it and a signer, with the library that the reference signs with.

usage: certificates.py CURVE SIGNER   (SIGNER: good, expired, future, server)

Writes key.pem, signer.pem, middle.pem and root.pem into the working directory.
"""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HASHES = {"SECP256R1": hashes.SHA256(), "SECP384R1": hashes.SHA384(), "SECP521R1": hashes.SHA512()}
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
# Years of the first and the last day.
YEARS = {"good": (2020, 2045), "server": (2020, 2045), "expired": (2020, 2021), "future": (2040, 2045)}


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(common, key, issuer, issuer_key, years, extensions, algorithm):
    builder = x509.CertificateBuilder(name(issuer), name(common), key.public_key(), x509.random_serial_number(),
                                      datetime.datetime(years[0], 1, 1), datetime.datetime(years[1], 1, 1))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    for extension, critical in [(identifier, False), (authority, False), *extensions]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, algorithm).public_bytes(serialization.Encoding.PEM)


def usage(*granted):
    return x509.KeyUsage(**{one: one in granted for one in USAGES}), True


def main():
    curve, variant = sys.argv[1:]
    root, middle, signer = (ec.generate_private_key(getattr(ec, curve)()) for _ in range(3))
    authority = [(x509.BasicConstraints(True, None), True), usage("key_cert_sign", "crl_sign")]
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if variant == "server" else ExtendedKeyUsageOID.CODE_SIGNING
    signing = [(x509.BasicConstraints(False, None), True), usage("digital_signature"),
               (x509.ExtendedKeyUsage([purpose]), False),
               (x509.SubjectAlternativeName([x509.RFC822Name("release@example.org")]), False)]
    long = (2019, 2048)
    for file, content in [
        ("root.pem", certificate("Root", root, "Root", root, long, authority, HASHES[curve])),
        ("middle.pem", certificate("Middle", middle, "Root", root, long, authority, HASHES[curve])),
        ("signer.pem", certificate("Release", signer, "Middle", middle, YEARS[variant], signing, HASHES[curve])),
        ("key.pem", signer.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption())),
    ]:
        pathlib.Path(file).write_bytes(content)


if __name__ == "__main__":
    main()
