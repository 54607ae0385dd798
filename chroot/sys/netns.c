/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/netns.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int
raise_loopback(struct error *err)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		rc = fail_errno(err, "raise lo");
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Below 1024 there is nothing of anybody's in a network of its own. */
static int
open_ports(struct error *err)
{
	int rc = 0,
	    fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
		O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (write(fd, "0", 1) < 0 && errno != EPERM && errno != EACCES)
		rc = fail_errno(err, "ip_unprivileged_port_start");
	close(fd);
	return rc;
}

int
netns_raise(struct error *err)
{
	return raise_loopback(err) < 0 || open_ports(err) < 0 ? -1 : 0;
}
