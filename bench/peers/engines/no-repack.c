/*
 * What `--no-repack` does in llama.cpp's own programs, for the prebuilt binary in node-llama-cpp, which has no option for it: weights stay
 * as they lie in the mapped file. Preloaded, it takes the place of the function that gives a model's default parameters.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "llama.h"

#ifndef LIBRARY
#error "LIBRARY: found nothing, expected the name of the loaded library, as in -DLIBRARY='\"libllama.so\"'"
#endif

struct llama_model_params llama_model_default_params(void) {
  void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_NOLOAD);
  struct llama_model_params (*original)(void) = library == NULL ? NULL : dlsym(library, "llama_model_default_params");
  if (original == NULL) {
    fprintf(stderr, "no-repack: found no %s that is loaded\n", LIBRARY);
    abort();
  }
  struct llama_model_params params = original();
  params.use_extra_bufts = false;
  return params;
}
