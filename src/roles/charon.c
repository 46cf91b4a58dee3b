/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "roles/charon.h"

const char *const charon_event_names[CHARON_EVENT_COUNT] = {
	[CHARON_CONNECTED] = "connected", [CHARON_SESSION] = "session",   [CHARON_LISTED] = "listed",
	[CHARON_GONE] = "gone",           [CHARON_ACQUIRE] = "acquire",   [CHARON_RELEASE] = "release",
	[CHARON_IKE_UP] = "ike_up",       [CHARON_IKE_DOWN] = "ike_down", [CHARON_IKE_REPLACED] = "ike_replaced",
	[CHARON_IKE_MOVED] = "ike_moved", [CHARON_CHILD_UP] = "child_up", [CHARON_CHILD_DOWN] = "child_down",
	[CHARON_REFUSED] = "refused",     [CHARON_ADDRESS] = "address",
};

const char *const identity_type_names[IDENTITY_TYPE_COUNT] = {
	[IDENTITY_OTHER] = "other", [IDENTITY_IPV4] = "ipv4", [IDENTITY_FQDN] = "fqdn",
	[IDENTITY_EMAIL] = "email", [IDENTITY_DN] = "dn",     [IDENTITY_KEY_ID] = "key_id",
};

const char *const charon_command_names[CHARON_COMMAND_COUNT] = {
	[CHARON_ANSWER] = "answer",       [CHARON_CLOSE_CHILD] = "close_child",
	[CHARON_CLOSE_IKE] = "close_ike", [CHARON_OPEN] = "open",
	[CHARON_ROAM] = "roam",
};
