/* SPDX-License-Identifier: BSD-2-Clause */
/* A program with the kit's face and nothing behind it, for the tests of what starts the kit.
 *
 * `run WORD...` prints a results file of 300 cases after one thread's read was interrupted;
 * `run --wait` prints it only once SIGINT has come; `run --deaf` ignores SIGINT and never ends;
 * `run --fail` prints nothing and ends with status 3. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static int empty[2];
static atomic_int failed_with;
static volatile sig_atomic_t told;

static void on_signal(int number) {
    told = number;
}

static void *target(void *unused) {
    char byte;
    (void)unused;
    failed_with = read(empty[0], &byte, 1) < 0 ? errno : 0;
    return NULL;
}

/* A signal that comes before the read is lost, so it is sent until the target has returned. */
static int interrupt_a_read(void) {
    pthread_t thread;
    failed_with = -1;
    if (pipe(empty) || pthread_create(&thread, NULL, target, NULL))
        return 0;
    while (failed_with == -1) {
        usleep(10000);
        pthread_kill(thread, SIGUSR1);
    }
    pthread_join(thread, NULL);
    return failed_with == EINTR;
}

/* As the kit does, which removes it unless it is killed. */
static void leave_a_folder(void) {
    const char *where = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/stand-in-XXXXXX", where ? where : "/tmp");
    if (!mkdtemp(path))
        perror(path);
}

static void print_results(const char *word) {
    struct utsname name;
    uname(&name);
    printf("{\"schema\": \"sigprobe-results/1\",\n \"platform\": {\"id\": \"linux-%d-%s-standin\", "
           "\"os\": \"%s\", \"release\": \"%s\", \"version\": \"%s\", \"machine\": \"%s\", "
           "\"libc\": \"%s\", \"compiler\": \"c\", \"cpus\": %ld},\n",
           (int)sizeof(long), name.machine, name.sysname, name.release, word, name.machine,
           getpid() == 1 ? "process 1" : "a process", sysconf(_SC_NPROCESSORS_ONLN));
    printf(" \"run\": {\"tool\": \"0\", \"started\": \"2026-01-01T00:00:00Z\", \"seconds\": 0, "
           "\"seed\": 1, \"python\": null},\n \"cases\": [");
    for (int i = 0; i < 300; i++)
        printf("%s\n  {\"id\": \"read-pipe/SIGUSR1/handler/open/kill/none/n%d\", "
               "\"status\": \"measured\", \"reason\": null, \"trials\": 1, "
               "\"outcomes\": {\"interrupted\": 1}, \"sightings\": {\"seen\": 0, \"missed\": 0, "
               "\"watcher-first\": 0, \"target-first\": 0}, \"handler\": {\"target\": 1, "
               "\"bystander\": 0, \"elsewhere\": 0}, \"method\": \"observed\", \"reached\": 1, "
               "\"late\": 0, \"definition\": \"d\", \"latency_ns\": {\"p50\": 0, \"p99\": 0, "
               "\"max\": 0, \"buckets\": []}, \"seconds\": 0}",
               i ? "," : "", i);
    printf("]}\n");
}

int main(int argc, char **argv) {
    const char *word = argc > 2 ? argv[2] : "";
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    if (strcmp(word, "--fail") == 0) {
        fprintf(stderr, "this kit has failed\n");
        return 3;
    }
    if (!interrupt_a_read())
        return 1;
    told = 0;
    if (strcmp(word, "--deaf") == 0)
        signal(SIGINT, SIG_IGN);
    else
        sigaction(SIGINT, &action, NULL);
    if (strcmp(word, "--wait") == 0 || strcmp(word, "--deaf") == 0) {
        leave_a_folder();
        fprintf(stderr, "waiting\n");
        while (!told)
            usleep(10000);
        print_results(word);
        return 130;
    }
    print_results(word);
    return 0;
}
