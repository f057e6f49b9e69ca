// Stands before a sanitizer's runtime in the server. On SIGUSR1 it checks for leaks and writes what it found to stderr.
// The check at the end of the process never comes: a library of the server, libp11-kit, waits there for a lock for
// ever.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

static unsigned inputs_in_pieces;

// OpenVINO's oneTBB opens libraries with RTLD_DEEPBIND, with which AddressSanitizer ends the process.
void* dlopen(const char* name, int mode) {
  void* (*next)(const char*, int) = (void* (*)(const char*, int))dlsym(RTLD_NEXT, "dlopen");
  return next(name, mode & ~RTLD_DEEPBIND);
}

// Counts the inputs that Triton hands over in several buffers.
void* TRITONBACKEND_InputProperties(void* input, const char** name, int* type, const int64_t** shape, uint32_t* rank,
                                    uint64_t* bytes, uint32_t* pieces) {
  void* (*next)(void*, const char**, int*, const int64_t**, uint32_t*, uint64_t*, uint32_t*) =
      (void* (*)(void*, const char**, int*, const int64_t**, uint32_t*, uint64_t*, uint32_t*))dlsym(
          RTLD_NEXT, "TRITONBACKEND_InputProperties");
  void* error = next(input, name, type, shape, rank, bytes, pieces);
  if (!error && *pieces > 1) __atomic_add_fetch(&inputs_in_pieces, 1, __ATOMIC_RELAXED);
  return error;
}

#ifdef FORGETFUL
// operator delete(void*, std::align_val_t): buffers of the backends are never given back.
void _ZdlPvSt11align_val_t(void* data) {
  (void)data;
}
#endif

static void* wait_for_signal(void* signals) {
  for (int number; sigwait((sigset_t*)signals, &number) == 0;) {
    int (*leaks)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "__lsan_do_recoverable_leak_check");
    fprintf(stderr, "leaks: %s, inputs in pieces: %u\n", leaks() ? "some" : "none", inputs_in_pieces);
  }
  return NULL;
}

// Before other threads start, so that all of them leave the signal to this one.
__attribute__((constructor)) static void start(void) {
  static sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_signal, &signals);
}
