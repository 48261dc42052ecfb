/* How long it takes to read all there is from the kernel, at the least: the links, addresses,
 * routes and rules of each namespace that has a name below /run/netns. What is read is thrown away.
 *
 *     dump             prints how many namespaces there are */
#include "common/cleanup.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#define NAMES "/run/netns"
/* The most that the kernel puts into one answer to a dump (NL_DUMP_... in net/netlink). */
#define ANSWER_MAX 65536

/* Asks for all of a kind, of all address families, and reads until the end of it. */
static void dump(int fd, uint16_t type, size_t header_size)
{
    static _Alignas(NLMSG_ALIGNTO) char buffer[ANSWER_MAX];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(request, header_size);
    if (send(fd, request, request->nlmsg_len, 0) < 0)
        err(EXIT_FAILURE, "nothing can be asked");
    for (;;) {
        ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
        if (length < 0)
            err(EXIT_FAILURE, "no answer can be read");
        int rest = (int)length;
        for (const struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, rest);
             message = mnl_nlmsg_next(message, &rest)) {
            if (message->nlmsg_type == NLMSG_ERROR)
                errx(EXIT_FAILURE, "the kernel refuses a dump of type %u", type);
            if (message->nlmsg_type == NLMSG_DONE)
                return;
        }
    }
}

static void dump_namespace(const char *name)
{
    auto_close int namespace = open(name, O_RDONLY | O_CLOEXEC);
    if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0)
        err(EXIT_FAILURE, "%s cannot be entered", name);
    auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        err(EXIT_FAILURE, "no netlink socket can be made");
    dump(fd, RTM_GETLINK, sizeof(struct ifinfomsg));
    dump(fd, RTM_GETADDR, sizeof(struct ifaddrmsg));
    dump(fd, RTM_GETROUTE, sizeof(struct rtmsg));
    dump(fd, RTM_GETRULE, sizeof(struct fib_rule_hdr));
}

int main(void)
{
    if (chdir(NAMES) < 0)
        err(EXIT_FAILURE, "%s cannot be entered", NAMES);
    DIR *directory = opendir(".");
    if (!directory)
        err(EXIT_FAILURE, "%s cannot be read", NAMES);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        dump_namespace(entry->d_name);
        count++;
    }
    closedir(directory);
    printf("%d\n", count);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
