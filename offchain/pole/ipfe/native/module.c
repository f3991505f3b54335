/* The Python binding: checks lengths, releases the GIL, and names the code paths that this machine can run. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

static const char SCHEDULE[] = "pole.ipfe._native.schedule", LOGARITHMS[] = "pole.ipfe._native.logarithms";

static int runs_here(const kernel *k)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (k == &kernel_avx2) return __builtin_cpu_supports("avx2");
    if (k == &kernel_ifma)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
#endif
    return k == &kernel_portable;
}

static const kernel *const KERNELS[] = {
#if defined(__x86_64__)
    &kernel_ifma,
    &kernel_avx2,
#endif
    &kernel_portable,
};
#define KERNEL_COUNT (sizeof KERNELS / sizeof *KERNELS)

/* An "O&" converter. Tables are built under the GIL, so once. */
static int to_kernel(PyObject *name, void *out)
{
    const char *wanted = PyUnicode_AsUTF8(name);
    if (!wanted) return 0;
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        if (strcmp(KERNELS[i]->name, wanted) != 0 || !runs_here(KERNELS[i])) continue;
        if (KERNELS[i]->prepare() != DONE) {
            PyErr_NoMemory();
            return 0;
        }
        *(const kernel **)out = KERNELS[i];
        return 1;
    }
    PyErr_Format(PyExc_ValueError, "no kernel %s on this machine", wanted);
    return 0;
}

/* The buffers of one call. */
typedef struct {
    Py_buffer view[6];
    Py_ssize_t expected[6];
    int count;
} buffers;

/* Raises ValueError unless every buffer has its expected number of bytes. */
static int check_lengths(const buffers *b)
{
    for (int i = 0; i < b->count; i++)
        if (b->view[i].len != b->expected[i]) {
            PyErr_Format(PyExc_ValueError, "buffer %d has %zd bytes instead of %zd", i, b->view[i].len, b->expected[i]);
            return 0;
        }
    return 1;
}

static PyObject *release(buffers *b, PyObject *result)
{
    for (int i = 0; i < b->count; i++) PyBuffer_Release(&b->view[i]);
    return result;
}

/* None, or (sample, column) of a point that does not decode. */
static PyObject *report(enum outcome outcome, const position *bad)
{
    if (outcome == OUT_OF_MEMORY) return PyErr_NoMemory();
    if (outcome == INVALID_POINT) return Py_BuildValue("nL", (Py_ssize_t)bad->sample, (long long)bad->column);
    Py_RETURN_NONE;
}

static PyObject *names(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < KERNEL_COUNT; i++) {
        if (!runs_here(KERNELS[i])) continue;
        PyObject *name = PyUnicode_FromString(KERNELS[i]->name);
        if (!name || PyList_Append(list, name) < 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *py_base_multiples(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    buffers b = {.count = 2};
    if (!PyArg_ParseTuple(args, "O&y*w*", to_kernel, &k, &b.view[0], &b.view[1])) return NULL;
    Py_ssize_t count = b.view[0].len / 32;
    b.expected[0] = b.expected[1] = 32 * count;
    if (!check_lengths(&b)) return release(&b, NULL);
    enum outcome outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = k->base_multiples(b.view[0].buf, (size_t)count, b.view[1].buf);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, NULL));
}

/* Both encryptions take kernel, key, randomness, x, ct0, ct. */
static PyObject *encrypt_with(PyObject *args, int with_secret)
{
    const kernel *k;
    buffers b = {.count = 5};
    if (!PyArg_ParseTuple(args, "O&y*y*y*w*w*", to_kernel, &k, &b.view[0], &b.view[1], &b.view[2], &b.view[3],
                          &b.view[4]))
        return NULL;
    Py_ssize_t dimension = b.view[0].len / 32, samples = b.view[1].len / 32;
    b.expected[0] = 32 * dimension;
    b.expected[1] = b.expected[3] = 32 * samples;
    b.expected[2] = 4 * samples * dimension;
    b.expected[4] = 32 * samples * dimension;
    if (!check_lengths(&b)) return release(&b, NULL);
    enum outcome outcome;
    position bad = {0, 0};
    const uint8_t *key = b.view[0].buf, *randomness = b.view[1].buf;
    const uint32_t *x = b.view[2].buf;
    uint8_t *ct0 = b.view[3].buf, *ct = b.view[4].buf;
    Py_BEGIN_ALLOW_THREADS
    if (with_secret)
        outcome = k->encrypt(key, (size_t)dimension, randomness, x, (size_t)samples, ct0, ct);
    else
        outcome = k->encrypt_public(key, (size_t)dimension, randomness, x, (size_t)samples, ct0, ct, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, &bad));
}

static PyObject *py_encrypt(PyObject *self, PyObject *args)
{
    (void)self;
    return encrypt_with(args, 1);
}

static PyObject *py_encrypt_public(PyObject *self, PyObject *args)
{
    (void)self;
    return encrypt_with(args, 0);
}

/* expand(kernel, encoded, affine) */
static PyObject *py_expand(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    buffers b = {.count = 2};
    if (!PyArg_ParseTuple(args, "O&y*w*", to_kernel, &k, &b.view[0], &b.view[1])) return NULL;
    Py_ssize_t count = b.view[0].len / ENCODED_BYTES;
    b.expected[0] = ENCODED_BYTES * count;
    b.expected[1] = AFFINE_BYTES * count;
    if (!check_lengths(&b)) return release(&b, NULL);
    enum outcome outcome;
    position bad = {0, 0};
    Py_BEGIN_ALLOW_THREADS
    outcome = k->expand(b.view[0].buf, (size_t)count, b.view[1].buf, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, &bad));
}

static PyObject *py_linear_combination(PyObject *self, PyObject *args)
{
    (void)self;
    buffers b = {.count = 3};
    if (!PyArg_ParseTuple(args, "y*y*w*", &b.view[0], &b.view[1], &b.view[2])) return NULL;
    Py_ssize_t count = b.view[0].len / 32;
    b.expected[0] = b.expected[1] = 32 * count;
    b.expected[2] = 32;
    if (!check_lengths(&b)) return release(&b, NULL);
    enum outcome outcome;
    position bad = {0, 0};
    Py_BEGIN_ALLOW_THREADS
    outcome = linear_combination(b.view[0].buf, b.view[1].buf, (size_t)count, b.view[2].buf, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, &bad));
}

static void free_schedule(PyObject *capsule)
{
    schedule *plan = PyCapsule_GetPointer(capsule, SCHEDULE);
    schedule_free(plan);
    free(plan);
}

/* build_schedule(dimension, windows (W, d) int32, W, vectors (L, d) uint16, L, keys (W, L, 32)) */
static PyObject *build_schedule(PyObject *self, PyObject *args)
{
    (void)self;
    Py_ssize_t dimension, windows, queries;
    buffers b = {.count = 3};
    if (!PyArg_ParseTuple(args, "ny*ny*ny*", &dimension, &b.view[0], &windows, &b.view[1], &queries, &b.view[2]))
        return NULL;
    Py_ssize_t length = windows > 0 ? b.view[0].len / 4 / windows : 0;
    b.expected[0] = 4 * windows * length;
    b.expected[1] = 2 * queries * length;
    b.expected[2] = 32 * windows * queries;
    if (!check_lengths(&b)) return release(&b, NULL);
    schedule *plan = calloc(1, sizeof *plan);
    enum outcome outcome = OUT_OF_MEMORY;
    if (plan) {
        plan->dimension = (size_t)dimension;
        plan->windows = (size_t)windows;
        plan->queries = (size_t)queries;
        Py_BEGIN_ALLOW_THREADS
        bool direct = direct_is_cheaper(plan, (size_t)length, b.view[1].buf);
        outcome = (direct ? direct_build : schedule_build)(plan, b.view[0].buf, (size_t)length, b.view[1].buf,
                                                           b.view[2].buf);
        Py_END_ALLOW_THREADS
    }
    if (outcome == DONE) return release(&b, PyCapsule_New(plan, SCHEDULE, free_schedule));
    if (plan) schedule_free(plan);
    free(plan);
    return release(&b, PyErr_NoMemory());
}

static void free_logarithms(PyObject *capsule)
{
    logarithms *table = PyCapsule_GetPointer(capsule, LOGARITHMS);
    free(table->slots);
    free(table);
}

/* build_logarithms(kernel, last): the table of 0..last, at most two thirds full. */
static PyObject *build_logarithms(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    unsigned int last;
    if (!PyArg_ParseTuple(args, "O&I", to_kernel, &k, &last)) return NULL;
    logarithms *table = malloc(sizeof *table);
    if (!table) return PyErr_NoMemory();
    uint64_t slots = 16;
    while (2 * slots < 3 * ((uint64_t)last + 1)) slots *= 2;
    *table = (logarithms){last, slots - 1, aligned(slots * sizeof *table->slots)};
    enum outcome outcome = OUT_OF_MEMORY;
    if (table->slots) {
        Py_BEGIN_ALLOW_THREADS
        memset(table->slots, 0xff, slots * sizeof *table->slots);
        outcome = k->build_logarithms(table);
        Py_END_ALLOW_THREADS
    }
    if (outcome == DONE) return PyCapsule_New(table, LOGARITHMS, free_logarithms);
    free(table->slots);
    free(table);
    return PyErr_NoMemory();
}

/* decrypt(kernel, schedule, logarithms, bound, ct0, ct, out): affine points where ct0 has 64 bytes for a sample. */
static PyObject *py_decrypt(PyObject *self, PyObject *args)
{
    (void)self;
    const kernel *k;
    PyObject *schedule_capsule, *logarithms_capsule;
    unsigned long long bound;
    buffers b = {.count = 3};
    if (!PyArg_ParseTuple(args, "O&OOKy*y*w*", to_kernel, &k, &schedule_capsule, &logarithms_capsule, &bound,
                          &b.view[0], &b.view[1], &b.view[2]))
        return NULL;
    const schedule *plan = PyCapsule_GetPointer(schedule_capsule, SCHEDULE);
    const logarithms *table = plan ? PyCapsule_GetPointer(logarithms_capsule, LOGARITHMS) : NULL;
    if (!table) return release(&b, NULL);
    Py_ssize_t results = (Py_ssize_t)(plan->windows * plan->queries), samples = b.view[2].len / 8 / results;
    Py_ssize_t point_bytes = b.view[0].len > ENCODED_BYTES * samples ? AFFINE_BYTES : ENCODED_BYTES;
    b.expected[0] = point_bytes * samples;
    b.expected[1] = point_bytes * samples * (Py_ssize_t)plan->dimension;
    b.expected[2] = 8 * samples * results;
    if (!check_lengths(&b)) return release(&b, NULL);
    enum outcome outcome;
    position bad = {0, 0};
    Py_BEGIN_ALLOW_THREADS
    outcome = k->decrypt(plan, table, bound, b.view[0].buf, b.view[1].buf, (size_t)point_bytes, (size_t)samples,
                         b.view[2].buf, &bad);
    Py_END_ALLOW_THREADS
    return release(&b, report(outcome, &bad));
}

static PyMethodDef methods[] = {
    {"names", names, METH_NOARGS, "The code paths that this machine can run, fastest first."},
    {"base_multiples", py_base_multiples, METH_VARARGS, "Encodings of scalars times the generator."},
    {"encrypt", py_encrypt, METH_VARARGS, "Ciphertexts under the master secret key."},
    {"encrypt_public", py_encrypt_public, METH_VARARGS, "Ciphertexts under the master public key."},
    {"expand", py_expand, METH_VARARGS, "Affine coordinates of encodings."},
    {"linear_combination", py_linear_combination, METH_VARARGS, "The encoding of a sum of scalars times points."},
    {"build_schedule", build_schedule, METH_VARARGS, "The order of additions for a plan and its functional keys."},
    {"build_logarithms", build_logarithms, METH_VARARGS, "The table of small discrete logarithms."},
    {"decrypt", py_decrypt, METH_VARARGS, "Inner products, -1 where there is no logarithm."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&module);
}
