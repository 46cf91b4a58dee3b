/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the options of `holdfast profile` name is read here: the secret, the CA, the user's certificate and key. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile.h"

enum { FILE_MAX = 1 << 20 };

static int read_all(int fd, const char *option, const char *name, struct octets *ret)
{
	unsigned char *at = malloc(FILE_MAX + 1);
	size_t n = 0;
	ssize_t got;

	if (!at)
		return profile_wrong("--%s %s: out of memory", option, name);
	while ((got = read(fd, at + n, FILE_MAX + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0 || n == 0 || n > FILE_MAX) {
		const char *why = got < 0 ? strerror(errno) : n == 0 ? "is empty" : "is too big for what it should be";

		explicit_bzero(at, n);
		free(at);
		return profile_wrong("--%s %s: %s", option, name, why);
	}
	at[n] = '\0'; /* there is room: n <= FILE_MAX */
	ret->at = at;
	ret->n = n;
	return STATUS_OK;
}

static int read_file(const char *option, const char *name, bool private, struct octets *ret)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return profile_wrong("--%s %s: %s", option, name, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = profile_wrong("--%s %s: is not a regular file", option, name);
	else if (private && (st.st_mode & (S_IRWXG | S_IRWXO)))
		r = profile_wrong("--%s %s: others may read it; allowed: mode 0600", option, name);
	else
		r = read_all(fd, option, name, ret);
	(void)close(fd); /* only read */
	return r;
}

static int load_secret(struct profile *p)
{
	struct octets o = { 0 };
	int r = read_file("secret-file", p->secret_file, true, &o);
	size_t n;

	if (!o.at)
		return r;
	p->secret = (char *)o.at;
	n = strlen(p->secret);
	if (n < o.n) {
		explicit_bzero(o.at, o.n);
	} else {
		if (n > 0 && p->secret[n - 1] == '\n')
			p->secret[--n] = '\0';
		if (n > 0 && p->secret[n - 1] == '\r')
			p->secret[--n] = '\0';
	}
	if (!text_is_plain(p->secret, PROFILE_TEXT_MAX))
		return profile_wrong("--secret-file %s: allowed: one line of UTF-8, 1 to %d octets", p->secret_file,
				     PROFILE_TEXT_MAX);
	return STATUS_OK;
}

/* The one certificate in @o, PEM or DER; NULL if it is something else, or several. */
static X509 *parse_certificate(const struct octets *o)
{
	const unsigned char *at = o->at;
	X509 *x = d2i_X509(NULL, &at, (long)o->n), *more;
	char passphrase[] = ""; /* or libcrypto would ask the terminal */
	BIO *in;

	if (x && at == o->at + o->n)
		return x;
	X509_free(x);
	in = BIO_new_mem_buf(o->at, (int)o->n);
	x = in ? PEM_read_bio_X509(in, NULL, NULL, passphrase) : NULL;
	more = x ? PEM_read_bio_X509(in, NULL, NULL, passphrase) : NULL;
	BIO_free(in);
	if (more) {
		X509_free(more);
		X509_free(x);
		return NULL;
	}
	return x;
}

static char *common_name(const X509 *x)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *name = NULL;

	if (i >= 0 && ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))) > 0 &&
	    text_is_plain((char *)utf8, PROFILE_TEXT_MAX))
		name = strdup((char *)utf8);
	OPENSSL_free(utf8);
	return name;
}

static int load_ca(struct profile *p)
{
	struct octets o = { 0 };
	int r = read_file("ca", p->ca, false, &o);
	X509 *x;

	if (!o.at)
		return r;
	x = parse_certificate(&o);
	free(o.at);
	if (!x || !X509_check_ca(x)) {
		X509_free(x);
		return profile_wrong("--ca %s: allowed: one certificate of a CA, as PEM or DER", p->ca);
	}
	p->ca_name = common_name(x);
	r = i2d_X509(x, &p->ca_der.at);
	X509_free(x);
	if (r <= 0)
		return profile_wrong("--ca %s: cannot be written as DER", p->ca);
	p->ca_der.n = (size_t)r;
	if (p->target == TARGET_APPLE && !p->ca_name)
		return profile_wrong(
			"--ca %s: has no common name, and Apple's devices ask for the gateway's certificate "
			"by it",
			p->ca);
	return STATUS_OK;
}

/* In Apple's words; NULL: no kind it knows. */
static const char *key_type(EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return "RSA";
	case EVP_PKEY_RSA_PSS:
		return "RSA-PSS";
	case EVP_PKEY_EC:
		return bits == 256 ? "ECDSA256" : bits == 384 ? "ECDSA384" : bits == 521 ? "ECDSA521" : NULL;
	default:
		return NULL;
	}
}

/* A file with an algorithm of the past may not open here, though its password is right. */
static void see_key_type(struct profile *p, PKCS12 *file)
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;

	if (PKCS12_parse(file, p->secret ? p->secret : "", &key, &x, NULL) == 1 && key) {
		const char *seen = key_type(key);

		p->key_type = seen ? seen : p->key_type;
	}
	EVP_PKEY_free(key);
	X509_free(x);
	ERR_clear_error();
}

static int load_pkcs12(struct profile *p)
{
	const unsigned char *at;
	PKCS12 *file;
	bool opens;
	int r = read_file("cert", p->cert, false, &p->pkcs12);

	if (r != STATUS_OK)
		return r;
	at = p->pkcs12.at;
	file = d2i_PKCS12(NULL, &at, (long)p->pkcs12.n);
	if (!file || at != p->pkcs12.at + p->pkcs12.n) {
		PKCS12_free(file);
		return profile_wrong("--cert %s: allowed for %s: a PKCS #12 file (openssl pkcs12 -export)", p->cert,
				     profile_targets[p->target]);
	}
	opens = !p->secret || !PKCS12_mac_present(file) || PKCS12_verify_mac(file, p->secret, -1) == 1;
	if (opens && p->target == TARGET_APPLE)
		see_key_type(p, file);
	PKCS12_free(file);
	if (!opens)
		return profile_wrong("--secret-file %s: is not the password of %s", p->secret_file, p->cert);
	if (p->target == TARGET_APPLE && !p->key_type)
		return profile_wrong("--key-type is missing, as %s does not open %s --secret-file; allowed: rsa, "
				     "ecdsa256, ecdsa384, ecdsa521",
				     p->cert, p->secret ? "with this" : "without a");
	return STATUS_OK;
}

int profile_load(struct profile *p)
{
	int r = STATUS_OK;

	if (p->secret_file)
		r = load_secret(p);
	if (p->target == TARGET_SWANCTL)
		return r; /* --ca and --cert are names at the client */
	if (r == STATUS_OK && p->ca)
		r = load_ca(p);
	if (r == STATUS_OK && p->cert)
		r = load_pkcs12(p);
	return r;
}

void profile_done(struct profile *p)
{
	if (p->secret)
		explicit_bzero(p->secret, strlen(p->secret));
	free(p->secret);
	if (p->pkcs12.at)
		explicit_bzero(p->pkcs12.at, p->pkcs12.n);
	free(p->pkcs12.at);
	OPENSSL_free(p->ca_der.at);
	free(p->ca_name);
	*p = (struct profile){ 0 };
}
