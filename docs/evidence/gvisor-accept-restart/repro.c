/* SPDX-License-Identifier: BSD-2-Clause
 * accept/SIGUSR1/handler-restart/open/pthread_kill/none/asleep
 *
 * While a thread is asleep in accept (an accept on a Unix socket to which nobody connects), another
 * thread sends it SIGUSR1 with pthread_kill, for which the process has a handler with SA_RESTART.
 * That thread and a bystander may take the signal, all others block it. Nobody waits for it.
 * Build and run: cc -pthread repro.c -o repro && ./repro
 * The last line it prints is the answer: "outcome: WORD".
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct sleeper {
    pthread_t thread;
    int stat;             /* Linux shows here whether it is asleep */
    _Atomic int entering; /* it is about to enter the call */
    _Atomic int returned; /* the call is over */
    _Atomic int handled;  /* runs of the handler in it */
    int error;            /* of the call: 0 or an errno */
    int fd;
    struct sockaddr_un address;
};
static struct sleeper target, bystander;
static _Atomic int handled; /* runs of the handler in any thread */

static int need(long result, const char *what) {
    if (result == -1)
        err(1, "%s", what);
    return (int)result;
}

static void handler(int signal) {
    (void)signal;
    if (pthread_equal(pthread_self(), target.thread))
        target.handled++;
    handled++;
}

static void *sleeper_main(void *argument) {
    struct sleeper *s = argument;
    s->stat = open("/proc/thread-self/stat", O_RDONLY); /* -1 elsewhere */
    s->address.sun_family = AF_UNIX;
    s->fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    need(bind(s->fd, (struct sockaddr *)&s->address, sizeof s->address), "bind");
    need(listen(s->fd, 1), "listen");
    sigset_t tested;
    sigemptyset(&tested);
    sigaddset(&tested, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &tested, NULL);
    s->entering = 1;
    s->error = accept(s->fd, NULL, NULL) < 0 ? errno : 0;
    s->returned = 1;
    return NULL;
}

/* Waits until the kernel shows the thread asleep in its call, or the call is over. */
static void await_sleep(const struct sleeper *s) {
    char line[64] = "";
    while (!s->entering)
        usleep(1000);
    if (s->stat == -1)
        usleep(300000); /* no look at thread states here: enough to get there */
    while (!s->returned && pread(s->stat, line, 63, 0) > 0 && !strstr(line, ") S "))
        continue;
}

int main(void) {
    sigset_t closed; /* the mask with which every thread starts */
    sigfillset(&closed);
    pthread_sigmask(SIG_SETMASK, &closed, NULL);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    need(sigaction(SIGUSR1, &action, NULL), "sigaction");

    sprintf(target.address.sun_path, "/tmp/repro-%d-%p", getpid(), (void *)&target.fd);
    sprintf(bystander.address.sun_path, "/tmp/repro-%d-%p", getpid(), (void *)&bystander.fd);
    pthread_create(&target.thread, NULL, sleeper_main, &target);
    await_sleep(&target);
    pthread_create(&bystander.thread, NULL, sleeper_main, &bystander);
    await_sleep(&bystander);

    errno = pthread_kill(target.thread, SIGUSR1);
    need(errno ? -1 : 0, "pthread_kill");
    for (int i = 0; i < 2000 && !target.returned && !handled; i++)
        usleep(1000);
    await_sleep(&target);
    int by_itself = target.returned; /* or when it is released, now */
    if (!by_itself) {
        int client = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
        need(connect(client, (struct sockaddr *)&target.address, sizeof target.address), "connect");
    }
    for (int i = 0; i < 30000 && !target.returned; i++)
        usleep(1000);
    unlink(target.address.sun_path);
    unlink(bystander.address.sun_path);

    printf("call %s: %s\n", by_itself ? "ended" : "released", strerror(target.error));
    printf("handler: %d in the target, %d elsewhere\n", target.handled, handled - target.handled);
    printf("outcome: %s\n",
           !target.returned ? "hung"
           : target.error == EINTR ? "interrupted"
           : target.error == 0 && by_itself ? "returned"
           : target.error != 0 ? "ambiguous"
           : target.handled ? "restarted"
           : handled ? "elsewhere"
           : "undisturbed");
}
