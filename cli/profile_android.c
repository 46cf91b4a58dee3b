/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A profile (.sswan) of the strongSwan app. The app asks for passwords; a profile has no place for them. MOBIKE and
 * sound proposals are what the app does by itself. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

static json_t *base64(const struct octets *o)
{
	struct text t = { 0 };
	json_t *value;

	text_add_base64(&t, o->at, o->n);
	value = t.failed ? NULL : json_string(t.at);
	text_done(&t);
	return value;
}

static json_t *remote(const struct profile *p)
{
	json_t *o = json_pack("{s:s, s:s}", "addr", p->gateways.at[0], "id", p->gateway_ids.at[0]);

	if (p->ca_der.at && json_object_set_new(o, "cert", base64(&p->ca_der)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *local(const struct profile *p)
{
	json_t *o = json_pack("{s:s}", p->auth == AUTH_EAP ? "eap_id" : "id", p->user);

	if (p->pkcs12.at && json_object_set_new(o, "p12", base64(&p->pkcs12)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *subnets(const struct profile *p)
{
	json_t *all = json_array();

	for (size_t i = 0; i < p->remotes.n; i++)
		if (json_array_append_new(all, json_string(p->remotes.at[i])) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

void profile_android(const struct profile *p, struct text *t)
{
	char uuid[PROFILE_UUID_LEN + 1];
	json_t *o = NULL;
	char *line = NULL;

	if (profile_uuid(p, "profile", uuid))
		o = json_pack("{s:s, s:s, s:s, s:o, s:o}", "uuid", uuid, "name", p->name, "type",
			      p->auth == AUTH_EAP ? "ikev2-eap" : "ikev2-cert", "remote", remote(p), "local", local(p));
	if (o && (p->remotes.n == 0 ||
		  json_object_set_new(o, "split-tunneling", json_pack("{s:o}", "subnets", subnets(p))) == 0))
		line = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	if (line)
		text_add(t, "%s\n", line);
	else
		t->failed = true;
	free(line);
	json_decref(o);
}
