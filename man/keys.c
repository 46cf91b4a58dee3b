/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the keys of a configuration as a man page fragment, from the table that also parses it. */
#include <string.h>

#include "conf/daemon_conf.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *role;
		const struct conf_schema *schema;
	} all[] = { { "fa", &fa_schema }, { "ha", &ha_schema }, { "mn", &mn_schema }, { "mpa", &mpa_schema } };

	for (size_t i = 0; argc == 2 && i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(argv[1], all[i].role) == 0) {
			conf_print_man(all[i].schema);
			return 0;
		}
	return 2;
}
