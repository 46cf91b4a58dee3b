/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the keys of a configuration as a man page fragment, from the table that also parses it. */
#include <string.h>

#include "conf/daemon_conf.h"

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	conf_print_man(strcmp(argv[1], "ha") == 0 ? &ha_schema : &mpa_schema);
	return 0;
}
