/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The joint inside of strongSwan's charon: at a VPN gateway, home addresses come from the mobility proxy agent; on a
 * mobile node, the helper hears of everything and moves are acted on at once. */
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin.h"

enum { ANSWER_TIMEOUT_MS = 5000 }; /* G-01 */

static bool register_parts(plugin_t *plugin, plugin_feature_t *feature, bool reg, void *data)
{
	const char *role = lib->settings->get_str(lib->settings, "%s.plugins.holdfast.role", "gateway", lib->ns);
	const char *path = lib->settings->get_str(lib->settings, "%s.plugins.holdfast.socket",
						  "/run/holdfast/mpa.charon", lib->ns);
	unsigned timeout_ms =
		lib->settings->get_int(lib->settings, "%s.plugins.holdfast.timeout_ms", ANSWER_TIMEOUT_MS, lib->ns);
	bool node = strcmp(role, "node") == 0;

	(void)plugin;
	(void)feature;
	(void)data;
	if (!reg) {
		charon->bus->remove_listener(charon->bus, &events_listener);
		if (!node)
			charon->attributes->remove_provider(charon->attributes, &acquire_provider);
		in_place_remove();
		link_close();
		probe_close();
		known_close();
		return true;
	}
	if (!node && strcmp(role, "gateway") != 0) {
		DBG1(DBG_CFG, "holdfast: role '%s' is not known; allowed: gateway, node", role);
		return false;
	}
	if (known_open() < 0)
		return false;
	if (link_open(path, timeout_ms) < 0) {
		DBG1(DBG_CFG, "holdfast: '%s' is too long for the path of a socket, or there is no memory", path);
		known_close();
		return false;
	}
	events_init(node);
	charon->bus->add_listener(charon->bus, &events_listener);
	if (!node) {
		acquire_init(lib->settings->get_str(lib->settings, "%s.plugins.holdfast.pool", "holdfast", lib->ns));
		charon->attributes->add_provider(charon->attributes, &acquire_provider);
	}
	if (lib->settings->get_bool(lib->settings, "%s.plugins.holdfast.in_place", true, lib->ns))
		in_place_install();
	return true;
}

static char *get_name(plugin_t *this)
{
	(void)this;
	return "holdfast";
}

static int get_features(plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK((plugin_feature_callback_t)register_parts, NULL), PLUGIN_PROVIDE(CUSTOM, "holdfast"),
		PLUGIN_DEPENDS(CUSTOM, "kernel-ipsec"), /* what in_place.c looks at is there by then */
	};

	(void)this;
	*features = f;
	return countof(f);
}

static void destroy(plugin_t *this)
{
	free(this);
}

/* No interface tells charon's version, and with another one structures may have another layout. Its main program
 * carries the version as a text of its own. */
static bool is_our_version(void)
{
	static const char version[] = "\0" HF_STRONGSWAN_VERSION;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *image;
	bool found;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || st.st_size <= 0) {
		(void)close(fd);
		return false;
	}
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (image == MAP_FAILED)
		return false;
	found = memmem(image, (size_t)st.st_size, version, sizeof(version)) != NULL &&
		dlsym(RTLD_DEFAULT, "mediation_manager_create"); /* configured as our headers are (ME) */
	(void)munmap(image, (size_t)st.st_size);
	return found;
}

/* The plugin loader looks for this symbol. */
plugin_t *holdfast_plugin_create(void);

__attribute__((visibility("default"))) plugin_t *holdfast_plugin_create(void)
{
	plugin_t *this;

	if (!is_our_version()) {
		DBG1(DBG_LIB, "holdfast: this plugin was built for strongSwan " HF_STRONGSWAN_VERSION
			      ", and this is another one, or built in another way: not loaded. Build it again here.");
		return NULL;
	}
	this = calloc(1, sizeof(*this));
	if (!this)
		return NULL;
	this->get_name = get_name;
	this->get_features = get_features;
	this->destroy = destroy;
	return this;
}
