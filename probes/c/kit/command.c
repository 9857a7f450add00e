/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's command line: run, list, help, version. Exit status: 0 all was measured; 1 something
 * hung, failed, or too seldom reached what it is about; 2 wrong usage; 3 the machine lacks
 * something; 130 interrupted, with what was measured so far written out. */
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMAND_POLL_MS = 50, COMMAND_LAST_MS = 1000 };

static const char command_help[] =
    "sigprobe " SP_VERSION ": what does a signal do to a thread in a blocking call?\n"
    "\n"
    "  ./sigprobe run [PATTERN...] [--trials N] [--all] [--seed N] [-o FILE]\n"
    "  ./sigprobe list [PATTERN...]\n"
    "  ./sigprobe --help | --version\n"
    "\n"
    "run measures cases on this machine and prints a results file (JSON); list shows the cases "
    "and\n"
    "why some cannot be run here. A PATTERN is a shell glob, in quotes, over whole ids:\n"
    "'read-pipe/*', '*/kqueue/*'; without one, run takes the cases that answer the usual "
    "questions.\n"
    "\n"
    "  --trials N   trials of each case, 1000 if not given\n"
    "  --all        every case, not only the usual ones\n"
    "  --seed N     for what is drawn at random, 1 if not given\n"
    "  -o FILE      put the results there instead, replacing what is there\n"
    "\n"
    "Exit status: 0 measured; 1 something hung, failed, or too seldom reached what it is about;\n"
    "2 wrong usage; 3 the machine lacks something; 130 interrupted, with what was measured so "
    "far.\n";

struct command_asked {
    uint64_t trials, seed;
    bool all;
    const char *output;
    char **patterns; /* gathered at the front of the arguments */
    size_t count;
};

/* ------------------------------------------------------------------ signals of our own */

static volatile sig_atomic_t command_caught;

/* However often it comes: timeout(1) sends it to its child and then to the whole group. */
static void command_catch(int signal) {
    (void)signal;
    command_caught = 1;
}

static void command_catch_unless_ignored(int signal) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof action);
    (void)sigemptyset(&action.sa_mask);
    action.sa_handler = command_catch;
    (void)sigaction(signal, &action, NULL);
}

/* Masks and an ignored SIGCHLD are inherited from whoever started us. */
static void command_own_signals(void) {
    sigset_t none;
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    (void)sigemptyset(&plain.sa_mask);
    plain.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &plain, NULL);
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
    command_catch_unless_ignored(SIGINT);
    command_catch_unless_ignored(SIGTERM);
    command_catch_unless_ignored(SIGHUP);
}

/* ------------------------------------------------------------------ progress */

/* One line that is written over and over, where somebody looks on. */
static void command_show(const struct kit_text *line) {
    enum { WIDTH = 79 };
    char padded[WIDTH + 2];
    size_t length = line->length < WIDTH ? line->length : WIDTH;
    if (!isatty(STDERR_FILENO))
        return;
    memset(padded, ' ', sizeof padded);
    padded[0] = padded[sizeof padded - 1] = '\r';
    if (length)
        memcpy(padded + 1, line->bytes, length);
    (void)kit_write(STDERR_FILENO, padded, sizeof padded);
}

static void command_progress(const struct sp_request *request, uint64_t trials, size_t done,
                             size_t total) {
    struct kit_text line = {0};
    kit_number(&line, (int64_t)done, 1);
    kit_say(&line, "/");
    kit_number(&line, (int64_t)total, 1);
    kit_say(&line, " ");
    kit_say(&line, request->id);
    kit_say(&line, " ");
    kit_number(&line, (int64_t)trials, 1);
    command_show(&line);
    free(line.bytes);
}

/* ------------------------------------------------------------------ run */

/* Of the trials, the share that has to say something: see reports/verdicts.py. A sweep sends on
 * purpose where it often misses. */
static bool command_says_enough(const struct sp_result *result) {
    const char *timing = strrchr(result->id, '/');
    uint64_t one_in = timing && strcmp(timing, "/sweep") == 0 ? 10 : 2;
    uint64_t clear = result->trials - result->outcomes[SP_AMBIGUOUS];
    return result->trials && !result->traced && result->reached * one_in >= result->trials &&
           clear * one_in >= result->trials;
}

/* In the reference port a cancel that hangs is what a kick does here: an answer like any other. */
static bool command_hung(const struct sp_result *result) {
    return result->outcomes[SP_HUNG] && strncmp(result->id, "blockif/", 8) != 0;
}

static int command_judge(const struct sp_result *result) {
    if (result->status == SP_UNSUPPORTED)
        return 0;
    return result->status == SP_ERROR || command_hung(result) || !command_says_enough(result);
}

/* After a signal the trial in hand may end; sp_finish ends one that does not. */
static void command_follow(struct sp_run *run, const struct sp_request *request, size_t done,
                           size_t total) {
    int left = COMMAND_LAST_MS;
    while (left > 0 && sp_poll(run, COMMAND_POLL_MS)) {
        command_progress(request, sp_progress(run), done, total);
        if (command_caught) {
            sp_stop(run);
            left -= COMMAND_POLL_MS;
        }
    }
}

static size_t command_total(struct kit_walk walk) {
    char id[SP_ID_SIZE];
    size_t total = 0;
    while (kit_next(&walk, id))
        total++;
    return total;
}

/* Measures what the walk gives until its end or a signal; an exit status. */
static int command_measure(const struct command_asked *asked, struct kit_walk walk,
                           struct kit_results *results) {
    static struct sp_result result;
    struct sp_request request = {.trials = asked->trials, .seed = asked->seed};
    size_t total = command_total(walk);
    int status = 0;
    for (size_t done = 0; !command_caught && kit_next(&walk, request.id); done++) {
        struct sp_run *run = sp_start(&request);
        if (!run) {
            status = kit_fault(3, request.id, ": no sandbox: ", strerror(errno), (char *)NULL);
            break;
        }
        command_follow(run, &request, done, total);
        sp_finish(run, &result);
        kit_add(results, &result);
        status |= command_judge(&result);
    }
    command_show(&(struct kit_text){0});
    return status;
}

static int command_print(const struct kit_text *text) {
    int error = kit_write(STDOUT_FILENO, text->bytes, text->length);
    return error ? kit_fault(2, "standard output: ", strerror(error), (char *)NULL) : 0;
}

/* Results that have no place where they were wanted go to standard output: nothing is lost. */
static int command_deliver(const struct command_asked *asked, const struct kit_text *text) {
    int error = asked->output ? kit_save(asked->output, text) : 0;
    if (asked->output && !error)
        return 0;
    if (error)
        (void)kit_fault(2, asked->output, ": cannot be written: ", strerror(error),
                        "; the results are on standard output", (char *)NULL);
    int printed = command_print(text);
    return error ? 2 : printed;
}

static int command_run(const struct command_asked *asked) {
    struct kit_walk walk = {.usual = !asked->all && asked->count == 0,
                            .patterns = asked->patterns,
                            .count = asked->count};
    struct kit_run run = {.started = time(NULL), .nanoseconds = sp_now(), .seed = asked->seed};
    struct kit_results results = {0};
    struct kit_text file = {0};
    int error = asked->output ? kit_writable(asked->output) : 0;
    if (error)
        return kit_fault(2, asked->output, ": cannot be written: ", strerror(error), (char *)NULL);
    int status = command_measure(asked, walk, &results);
    run.nanoseconds = sp_now() - run.nanoseconds;
    kit_file(&file, &results, &run);
    int delivered = command_deliver(asked, &file);
    kit_forget(&results);
    free(file.bytes);
    if (delivered)
        return delivered;
    return command_caught ? 130 : status;
}

/* ------------------------------------------------------------------ list */

static int command_list(const struct command_asked *asked) {
    struct kit_walk walk = {.patterns = asked->patterns, .count = asked->count};
    struct kit_text text = {0};
    char id[SP_ID_SIZE], reason[SP_TEXT_SIZE];
    while (kit_next(&walk, id)) {
        bool runs = sp_check(id, reason, sizeof reason) == SP_MEASURED;
        kit_say(&text, id);
        kit_say(&text, runs ? "\tyes" : "\tno\t");
        kit_say(&text, reason);
        kit_say(&text, "\n");
    }
    int status = command_print(&text);
    free(text.bytes);
    return status;
}

/* ------------------------------------------------------------------ arguments */

static int command_whole(const char *option, const char *text, uint64_t least, uint64_t *out) {
    uint64_t number = 0;
    size_t digits = text ? strspn(text, "0123456789") : 0;
    bool good = digits > 0 && digits <= 18 && !text[digits];
    for (size_t i = 0; good && i < digits; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    if (!good || number < least)
        return kit_fault(2, option, " takes a whole number", least ? " from 1" : "",
                         " (see --help)", (char *)NULL);
    *out = number;
    return 0;
}

/* The value of an option: after "=", or the next argument. NULL where there is none. */
static char *command_value(char *argument, char **argv, int *at) {
    char *equals = strchr(argument, '=');
    if (equals)
        return equals + 1;
    return argv[*at + 1] ? argv[++*at] : NULL;
}

static bool command_is(const char *argument, const char *option) {
    size_t length = strlen(option);
    return strncmp(argument, option, length) == 0 &&
           (argument[length] == '\0' || argument[length] == '=');
}

static int command_no_option(struct command_asked *asked, char **argv, int *at) {
    (void)asked;
    return kit_fault(2, "no option is called ", argv[*at], " here (see --help)", (char *)NULL);
}

static int command_run_option(struct command_asked *asked, char **argv, int *at) {
    char *argument = argv[*at];
    if (command_is(argument, "--trials"))
        return command_whole("--trials", command_value(argument, argv, at), 1, &asked->trials);
    if (command_is(argument, "--seed"))
        return command_whole("--seed", command_value(argument, argv, at), 0, &asked->seed);
    if (strcmp(argument, "--all") == 0) {
        asked->all = true;
        return 0;
    }
    if (strcmp(argument, "-o") == 0) {
        asked->output = command_value(argument, argv, at);
        return asked->output ? 0 : kit_fault(2, "-o takes a file (see --help)", (char *)NULL);
    }
    return command_no_option(asked, argv, at);
}

typedef int command_takes(struct command_asked *asked, char **argv, int *at);

static int command_read(struct command_asked *asked, command_takes *option, char **argv) {
    asked->patterns = argv;
    for (int i = 2; argv[i]; i++) {
        int status = 0;
        if (argv[i][0] == '-')
            status = option(asked, argv, &i);
        else
            asked->patterns[asked->count++] = argv[i];
        if (status)
            return status;
    }
    return kit_check_patterns(asked->patterns, asked->count);
}

static int command_say(const char *words) {
    struct kit_text text = {0};
    kit_say(&text, words);
    int status = command_print(&text);
    free(text.bytes);
    return status;
}

static const struct {
    const char *name;
    command_takes *option;
    int (*run)(const struct command_asked *asked);
} command_table[] = {{"run", command_run_option, command_run},
                     {"list", command_no_option, command_list}};

static int command_dispatch(const char *name, char **argv) {
    struct command_asked asked = {.trials = 1000, .seed = 1};
    for (size_t i = 0; i < sizeof command_table / sizeof command_table[0]; i++) {
        if (strcmp(name, command_table[i].name) != 0)
            continue;
        int status = command_read(&asked, command_table[i].option, argv);
        return status ? status : command_table[i].run(&asked);
    }
    return kit_fault(2, name[0] ? "no command is called " : "what to do: run or list", name,
                     " (see --help)", (char *)NULL);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return command_say(command_help);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return command_say("sigprobe " SP_VERSION "\n");
    command_own_signals();
    return command_dispatch(argc > 1 ? argv[1] : "", argv);
}
