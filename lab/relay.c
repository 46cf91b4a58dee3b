/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hf-relay: a long wire. Carries Ethernet frames between two interfaces of its network namespace, both ways, each frame
 * a fixed time after it came; may lose some of them, at random but repeatably.
 *   hf-relay INTERFACE INTERFACE DELAY_MS [LOSS_PER_MILLE [SEED]]
 * Says "ready" when it carries frames. On SIGTERM or SIGINT it prints, for each direction,
 *   FROM>TO carried=N lost=N dropped=N
 * lost: by intent; dropped: because QUEUE frames were under way already, the frame was longer than FRAME_MAX, or the
 * other interface did not take it. What was still under way is forgotten.
 *
 * Frames pass as they are: the interfaces that feed it must segment and add checksums themselves (ethtool -K IF tx off
 * tso off gso off), because super-packets exceed FRAME_MAX and a checksum left to the hardware stays wrong here. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 2000, QUEUE = 4096, BATCH = 64, BUFFER = 4 << 20, DELAY_MAX_MS = 10000, NS_PER_MS = 1000000 };

struct frame {
	int64_t due_ns;
	size_t n;
	unsigned char octets[FRAME_MAX];
};

struct end {
	const char *name;
	int fd;
};

/* One direction: a ring of frames in the order they came, which is the order in which they are due. */
struct way {
	const struct end *from, *to;
	struct frame *ring;
	unsigned int first, used;
	uint64_t carried, lost, dropped;
};

struct relay {
	struct end ends[2];
	struct way ways[2];
	int64_t delay_ns;
	unsigned int loss_per_mille;
	uint64_t random;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "hf-relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n > max) {
		fprintf(stderr, "hf-relay: %s is no number up to %lu\n", text, max);
		exit(2);
	}
	return n;
}

static struct end open_end(const char *name)
{
	struct sockaddr_ll local = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq every = { .mr_type = PACKET_MR_PROMISC };
	int fd, on = 1, octets = BUFFER;

	local.sll_ifindex = every.mr_ifindex = (int)if_nametoindex(name);
	/* Protocol 0 until it is bound: nothing of other interfaces comes in. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (local.sll_ifindex == 0 || fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0 ||
	    bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &every, sizeof(every)) < 0)
		die(name);
	return (struct end){ .name = name, .fd = fd };
}

static void open_way(struct way *w, const struct end *from, const struct end *to)
{
	void *ring =
		mmap(NULL, QUEUE * sizeof(struct frame), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ring == MAP_FAILED)
		die("memory");
	*w = (struct way){ .from = from, .to = to, .ring = ring };
}

/* SplitMix64: any seed will do, also 0. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Takes what has come, at most a batch, so that the other direction gets its turn. */
static void take_in(struct relay *r, struct way *w)
{
	for (int i = 0; i < BATCH; i++) {
		unsigned char excess[1];
		bool full = w->used == QUEUE;
		struct frame *f = &w->ring[(w->first + w->used) % QUEUE];
		ssize_t n = recv(w->from->fd, full ? excess : f->octets, full ? sizeof(excess) : FRAME_MAX, MSG_TRUNC);

		if (n < 0)
			return; /* nothing more, or the interface went down: then there is nothing either */
		if (r->loss_per_mille > 0 && random_next(&r->random) % 1000 < r->loss_per_mille) {
			w->lost++;
			continue;
		}
		if (full || n > FRAME_MAX) {
			w->dropped++;
			continue;
		}
		f->n = (size_t)n;
		f->due_ns = now_ns() + r->delay_ns;
		w->used++;
	}
}

static void let_out(struct way *w)
{
	while (w->used > 0 && w->ring[w->first].due_ns <= now_ns()) {
		const struct frame *f = &w->ring[w->first];

		if (send(w->to->fd, f->octets, f->n, MSG_DONTWAIT) < 0)
			w->dropped++;
		else
			w->carried++;
		w->first = (w->first + 1) % QUEUE;
		w->used--;
	}
}

/* Time until the next frame is due; NULL when none is under way. */
static const struct timespec *until_due(const struct relay *r, struct timespec *ret_time)
{
	int64_t due = INT64_MAX, left;

	for (int i = 0; i < 2; i++)
		if (r->ways[i].used > 0 && r->ways[i].ring[r->ways[i].first].due_ns < due)
			due = r->ways[i].ring[r->ways[i].first].due_ns;
	if (due == INT64_MAX)
		return NULL;
	left = due - now_ns();
	if (left < 0)
		left = 0;
	*ret_time = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	return ret_time;
}

static void carry(struct relay *r, int signals)
{
	struct pollfd p[] = {
		{ .fd = r->ends[0].fd, .events = POLLIN },
		{ .fd = r->ends[1].fd, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	for (;;) {
		struct timespec t;

		if (ppoll(p, 3, until_due(r, &t), NULL) < 0 && errno != EINTR)
			die("ppoll");
		if (p[2].revents)
			return;
		for (int i = 0; i < 2; i++) {
			if (p[i].revents)
				take_in(r, &r->ways[i]);
			let_out(&r->ways[i]);
		}
	}
}

static int open_signals(void)
{
	sigset_t s;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigprocmask(SIG_BLOCK, &s, NULL);
	fd = signalfd(-1, &s, SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd");
	return fd;
}

int main(int argc, char **argv)
{
	static struct relay r;
	const struct sched_param first = { .sched_priority = 1 };
	int signals;

	if (argc < 4 || argc > 6) {
		fprintf(stderr, "usage: hf-relay INTERFACE INTERFACE DELAY_MS [LOSS_PER_MILLE [SEED]]\n");
		return 2;
	}
	r.delay_ns = (int64_t)number(argv[3], DELAY_MAX_MS) * NS_PER_MS;
	r.loss_per_mille = argc > 4 ? (unsigned int)number(argv[4], 1000) : 0;
	r.random = argc > 5 ? number(argv[5], UINT32_MAX) : 0;
	signals = open_signals();
	for (int i = 0; i < 2; i++)
		r.ends[i] = open_end(argv[1 + i]);
	for (int i = 0; i < 2; i++)
		open_way(&r.ways[i], &r.ends[i], &r.ends[1 - i]);
	/* A wire does not wait for a busy machine's processor; without privilege the delay is merely less exact. */
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	printf("ready\n");
	fflush(stdout);
	carry(&r, signals);
	for (int i = 0; i < 2; i++)
		printf("%s>%s carried=%" PRIu64 " lost=%" PRIu64 " dropped=%" PRIu64 "\n", r.ways[i].from->name,
		       r.ways[i].to->name, r.ways[i].carried, r.ways[i].lost, r.ways[i].dropped);
	return 0;
}
