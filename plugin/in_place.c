/* SPDX-License-Identifier: GPL-2.0-or-later */
/* charon's userspace ESP can change the addresses of its SAs, but its plugin kernel-libipsec never asks it to: each MOBIKE
 * update then costs a rekey of the CHILD_SA, by both ends. Here it is asked. */
#include <dlfcn.h>

#include <ipsec.h>

#include "plugin.h"

typedef status_t (*update_sa_fn)(kernel_interface_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_update_sa_t *data);

static update_sa_fn original;
static ipsec_t **userspace; /* libipsec's `ipsec` */

static status_t update_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_update_sa_t *data)
{
	status_t r = original(this, id, data);

	if (r != NOT_SUPPORTED || !*userspace)
		return r;
	return (*userspace)
		->sas->update_sa((*userspace)->sas, id->spi, id->proto, data->cpi, id->src, id->dst, data->new_src,
				 data->new_dst, data->encap, data->new_encap, id->mark);
}

void in_place_install(void)
{
	/* Only if it is in use: with the kernel's ESP there is nothing to mend. The handle is kept for the symbol. */
	void *library = dlopen("libipsec.so.0", RTLD_NOLOAD | RTLD_LAZY);

	if (!library)
		library = dlopen("/usr/lib/ipsec/libipsec.so.0", RTLD_NOLOAD | RTLD_LAZY);
	userspace = library ? dlsym(library, "ipsec") : NULL;
	if (!userspace)
		return;
	original = charon->kernel->update_sa;
	charon->kernel->update_sa = update_sa;
	DBG1(DBG_CFG, "holdfast: addresses of SAs are updated in place");
}

void in_place_remove(void)
{
	if (original)
		charon->kernel->update_sa = original;
	original = NULL;
}
