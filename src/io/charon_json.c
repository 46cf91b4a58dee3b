/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/charon_json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "base/util.h"

static void json_dropp(json_t **j)
{
	json_decref(*j);
}

/* Each reader leaves its output alone when the member is absent. */

static bool read_text(const json_t *j, const char *name, const char **ret)
{
	const json_t *v = json_object_get(j, name);

	if (!v)
		return true;
	if (!json_is_string(v) || json_string_length(v) > CHARON_TEXT_MAX)
		return false;
	*ret = json_string_value(v);
	return true;
}

static bool read_number(const json_t *j, const char *name, uint32_t max, uint32_t *ret)
{
	const json_t *v = json_object_get(j, name);

	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
		return false;
	*ret = (uint32_t)json_integer_value(v);
	return true;
}

static bool read_port(const json_t *j, const char *name, uint16_t *ret)
{
	uint32_t port = *ret;

	if (!read_number(j, name, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool read_address(const json_t *j, const char *name, struct in_addr *ret)
{
	const char *text = NULL;

	return read_text(j, name, &text) && (!text || inet_pton(AF_INET, text, ret) == 1);
}

static bool read_identity(const json_t *j, struct identity *ret)
{
	const char *type = "other";
	int known;

	if (!json_is_object(j) || !read_text(j, "type", &type) || !read_text(j, "text", &ret->text))
		return false;
	known = name_find(identity_type_names, IDENTITY_TYPE_COUNT, type);
	ret->type = known < 0 ? IDENTITY_OTHER : (enum identity_type)known;
	return true;
}

static bool read_names(const json_t *j, struct charon_event *e)
{
	const json_t *names = json_object_get(j, "names"), *id = json_object_get(j, "id");

	if (id && !read_identity(id, &e->id))
		return false;
	if (names && (!json_is_array(names) || json_array_size(names) > CHARON_NAMES_MAX))
		return false;
	for (size_t i = 0; i < json_array_size(names); i++) {
		e->names[i].text = "";
		if (!read_identity(json_array_get(names, i), &e->names[i]))
			return false;
		e->name_n++;
	}
	return true;
}

static bool read_event(const json_t *j, struct charon_event *e)
{
	const char *name = "";
	int type;

	if (!json_is_object(j) || !read_text(j, "event", &name))
		return false;
	type = name_find(charon_event_names, CHARON_EVENT_COUNT, name);
	if (type < 0 || type == CHARON_GONE) /* that is the end of the connection, and no message */
		return false;
	e->type = (enum charon_event_type)type;
	e->by_peer = json_is_true(json_object_get(j, "by_peer"));
	return read_number(j, "sa", UINT32_MAX, &e->sa) && read_number(j, "new_sa", UINT32_MAX, &e->new_sa) &&
	       read_number(j, "request", UINT32_MAX, &e->request) &&
	       read_number(j, "children", UINT16_MAX, &e->children) && read_number(j, "reqid", UINT32_MAX, &e->reqid) &&
	       read_names(j, e) && read_text(j, "eap", &e->eap) && read_text(j, "connection", &e->connection) &&
	       read_text(j, "child", &e->child) && read_text(j, "why", &e->why) &&
	       read_address(j, "local", &e->local) && read_address(j, "remote", &e->remote) &&
	       read_address(j, "address", &e->address) && read_port(j, "local_port", &e->local_port) &&
	       read_port(j, "remote_port", &e->remote_port);
}

int charon_event_parse(const char *packet, size_t n, struct charon_event *ret, json_t **ret_keep)
{
	auto_(json_dropp) json_t *j = n <= CHARON_PACKET_MAX ? json_loadb(packet, n, 0, NULL) : NULL;
	struct charon_event e = { .id.text = "", .eap = "", .connection = "", .child = "", .why = "" };

	if (!j || !read_event(j, &e))
		return -EBADMSG;
	*ret = e;
	*ret_keep = TAKE_PTR(j);
	return 0;
}

static void put_text(json_t *j, const char *name, const char *text)
{
	if (text && text[0])
		(void)json_object_set_new(j, name, json_string(text)); /* seen in the length of the result */
}

static json_t *address_text(struct in_addr a)
{
	char text[INET_ADDRSTRLEN] = "";

	(void)inet_ntop(AF_INET, &a, text, sizeof(text)); /* large enough */
	return json_string(text);
}

int charon_command_build(const struct charon_command *c, char *ret, size_t cap)
{
	auto_(json_dropp) json_t *j = json_pack("{s:s}", "command", charon_command_names[c->type]);
	auto_(json_dropp) json_t *dns = json_array();
	size_t n;

	if (!j || !dns)
		return -ENOMEM;
	if (c->request)
		(void)json_object_set_new(j, "request", json_integer(c->request)); /* as above */
	if (c->sa)
		(void)json_object_set_new(j, "sa", json_integer(c->sa));
	if (c->address.s_addr != INADDR_ANY)
		(void)json_object_set_new(j, "address", address_text(c->address));
	for (size_t i = 0; i < c->dns_n; i++)
		(void)json_array_append_new(dns, address_text(c->dns[i]));
	if (c->dns_n > 0)
		(void)json_object_set(j, "dns", dns);
	put_text(j, "refused", c->refused);
	put_text(j, "connection", c->connection);
	put_text(j, "child", c->child);
	n = json_dumpb(j, ret, cap, JSON_COMPACT);
	return n > 0 && n <= cap ? (int)n : -EMSGSIZE;
}
