/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration profile for iOS, iPadOS and macOS: a property list with the CA, the user's certificate and key, and
 * the VPN. The keys are those of Apple's payload com.apple.vpn.managed. Which networks lie behind the tunnel is the
 * gateway's word (its traffic selectors); there is no key for it. */
#include "profile.h"

static void key(struct text *t, int depth, const char *name)
{
	text_add(t, "%.*s<key>%s</key>\n", depth, "\t\t\t\t\t\t\t\t", name);
}

static void string(struct text *t, int depth, const char *name, const char *value)
{
	key(t, depth, name);
	text_add(t, "%.*s<string>", depth, "\t\t\t\t\t\t\t\t");
	text_add_xml(t, value);
	text_add(t, "</string>\n");
}

static void integer(struct text *t, int depth, const char *name, int value)
{
	key(t, depth, name);
	text_add(t, "%.*s<integer>%d</integer>\n", depth, "\t\t\t\t\t\t\t\t", value);
}

static void data(struct text *t, int depth, const char *name, const struct octets *o)
{
	key(t, depth, name);
	text_add(t, "%.*s<data>", depth, "\t\t\t\t\t\t\t\t");
	text_add_base64(t, o->at, o->n);
	text_add(t, "</data>\n");
}

/* What every payload and the profile itself have. */
static void payload(const struct profile *p, struct text *t, int depth, const char *type, const char *part,
		    const char *display)
{
	char uuid[PROFILE_UUID_LEN + 1];

	if (!profile_uuid(p, part, uuid)) {
		t->failed = true;
		return;
	}
	string(t, depth, "PayloadType", type);
	integer(t, depth, "PayloadVersion", 1);
	string(t, depth, "PayloadUUID", uuid);
	key(t, depth, "PayloadIdentifier");
	text_add(t, "%.*s<string>holdfast.%s</string>\n", depth, "\t\t\t\t\t\t\t\t", uuid);
	string(t, depth, "PayloadDisplayName", display);
}

static void certificates(const struct profile *p, struct text *t)
{
	if (p->ca_der.at) {
		text_add(t, "\t\t<dict>\n");
		payload(p, t, 3, "com.apple.security.root", "ca", p->ca_name ? p->ca_name : "CA");
		data(t, 3, "PayloadContent", &p->ca_der);
		text_add(t, "\t\t</dict>\n");
	}
	if (p->pkcs12.at) {
		text_add(t, "\t\t<dict>\n");
		payload(p, t, 3, "com.apple.security.pkcs12", "certificate", p->user);
		data(t, 3, "PayloadContent", &p->pkcs12);
		if (p->secret)
			string(t, 3, "Password", p->secret);
		text_add(t, "\t\t</dict>\n");
	}
}

/* Without AuthPassword or SharedSecret the device asks for it. */
static void authentication(const struct profile *p, struct text *t)
{
	static const char *const methods[AUTH_COUNT] = { "", "SharedSecret", "Certificate", "None" };
	char uuid[PROFILE_UUID_LEN + 1];

	string(t, 4, "AuthenticationMethod", methods[p->auth]);
	integer(t, 4, "ExtendedAuthEnabled", p->auth == AUTH_EAP);
	if (p->auth == AUTH_PSK && p->secret)
		string(t, 4, "SharedSecret", p->secret);
	if (p->auth == AUTH_EAP) {
		string(t, 4, "AuthName", p->user);
		if (p->secret)
			string(t, 4, "AuthPassword", p->secret);
	}
	if (p->auth == AUTH_CERT) {
		t->failed = t->failed || !profile_uuid(p, "certificate", uuid);
		if (!t->failed)
			string(t, 4, "PayloadCertificateUUID", uuid);
		string(t, 4, "CertificateType", p->key_type);
	}
	if (p->ca_name)
		string(t, 4, "ServerCertificateIssuerCommonName", p->ca_name);
}

static void security_association(struct text *t, const char *name)
{
	key(t, 4, name);
	text_add(t, "\t\t\t\t<dict>\n");
	string(t, 5, "EncryptionAlgorithm", "AES-128-GCM");
	string(t, 5, "IntegrityAlgorithm", "SHA2-256");
	integer(t, 5, "DiffieHellmanGroup", 19);
	text_add(t, "\t\t\t\t</dict>\n");
}

/* No tunnel in the networks named, one everywhere else. */
static void on_demand(const struct profile *p, struct text *t)
{
	integer(t, 4, "OnDemandEnabled", 1);
	key(t, 4, "OnDemandRules");
	text_add(t, "\t\t\t\t<array>\n\t\t\t\t\t<dict>\n");
	string(t, 6, "Action", "Disconnect");
	string(t, 6, "InterfaceTypeMatch", "WiFi");
	key(t, 6, "SSIDMatch");
	text_add(t, "\t\t\t\t\t\t<array>\n");
	for (size_t i = 0; i < p->ssids.n; i++) {
		text_add(t, "\t\t\t\t\t\t\t<string>");
		text_add_xml(t, p->ssids.at[i]);
		text_add(t, "</string>\n");
	}
	text_add(t, "\t\t\t\t\t\t</array>\n\t\t\t\t\t</dict>\n\t\t\t\t\t<dict>\n");
	string(t, 6, "Action", "Connect");
	text_add(t, "\t\t\t\t\t</dict>\n\t\t\t\t</array>\n");
}

static void vpn(const struct profile *p, struct text *t)
{
	text_add(t, "\t\t<dict>\n");
	payload(p, t, 3, "com.apple.vpn.managed", "vpn", p->name);
	string(t, 3, "UserDefinedName", p->name);
	string(t, 3, "VPNType", "IKEv2");
	key(t, 3, "IKEv2");
	text_add(t, "\t\t\t<dict>\n");
	string(t, 4, "RemoteAddress", p->gateways.at[0]);
	string(t, 4, "RemoteIdentifier", p->gateway_ids.at[0]);
	string(t, 4, "LocalIdentifier", p->user);
	authentication(p, t);
	integer(t, 4, "DisableMOBIKE", 0);
	integer(t, 4, "EnablePFS", 1);
	string(t, 4, "DeadPeerDetectionRate", "High"); /* once a minute */
	security_association(t, "IKESecurityAssociationParameters");
	security_association(t, "ChildSecurityAssociationParameters");
	if (p->ssids.n > 0)
		on_demand(p, t);
	text_add(t, "\t\t\t</dict>\n\t\t</dict>\n");
}

void profile_apple(const struct profile *p, struct text *t)
{
	text_add(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
		    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
		    "<plist version=\"1.0\">\n<dict>\n");
	payload(p, t, 1, "Configuration", "profile", p->name);
	key(t, 1, "PayloadContent");
	text_add(t, "\t<array>\n");
	certificates(p, t);
	vpn(p, t);
	text_add(t, "\t</array>\n</dict>\n</plist>\n");
}
