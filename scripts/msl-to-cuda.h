// Metal's types and functions, as far as naga's text of the kernels uses them, for NVIDIA's CUDA C++ compiler
// (scripts/compile-for-nvidia.py).
typedef unsigned int uint;
#define INFINITY __int_as_float(0x7f800000)
#define kernel extern "C" __global__
#define device
#define constant const
#define threadgroup
#define thread

namespace metal {
using ::uint;
template <class T, int N> struct vec;

// Swizzles are rewritten to calls of `swizzle`. Loads of a vector of four are one instruction, as in the driver.
#define MEMBERS                                                                                       \
  vec() = default;                                                                                    \
  T &operator[](int i) { return (&x)[i]; }                                                            \
  const T &operator[](int i) const { return (&x)[i]; }                                                \
  template <int... I> vec<T, sizeof...(I)> swizzle() const { return vec<T, sizeof...(I)>((&x)[I]...); }

template <class T> struct alignas(2 * sizeof(T)) vec<T, 2> {
  T x, y;
  constexpr vec(T x, T y) : x(x), y(y) {}
  explicit vec(T all) : vec(all, all) {}
  template <class U> explicit vec(vec<U, 2> a) : vec(T(a.x), T(a.y)) {}
  MEMBERS
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 3> {
  T x, y, z;
  constexpr vec(T x, T y, T z) : x(x), y(y), z(z) {}
  vec(vec<T, 2> a, T z) : vec(a.x, a.y, z) {}
  explicit vec(T all) : vec(all, all, all) {}
  template <class U> explicit vec(vec<U, 3> a) : vec(T(a.x), T(a.y), T(a.z)) {}
  MEMBERS
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 4> {
  T x, y, z, w;
  constexpr vec(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  vec(vec<T, 2> a, vec<T, 2> b) : vec(a.x, a.y, b.x, b.y) {}
  vec(T x, vec<T, 2> b, T w) : vec(x, b.x, b.y, w) {}
  vec(vec<T, 2> a, T z, T w) : vec(a.x, a.y, z, w) {}
  vec(vec<T, 3> a, T w) : vec(a.x, a.y, a.z, w) {}
  explicit vec(T all) : vec(all, all, all, all) {}
  template <class U> explicit vec(vec<U, 4> a) : vec(T(a.x), T(a.y), T(a.z), T(a.w)) {}
  MEMBERS
};
#define NAMES(T) using T##2 = vec<T, 2>; using T##3 = vec<T, 3>; using T##4 = vec<T, 4>;
NAMES(float) NAMES(int) NAMES(uint) NAMES(bool)

template <class T> struct same { using type = T; };
template <class T> using scalar = typename same<T>::type;

// The result of an operator: C++ makes an int of two bools.
template <class T, class R> struct result_of { using type = R; };
template <> struct result_of<bool, int> { using type = bool; };
template <class T, class R> using result = typename result_of<T, R>::type;

// A function of each component. A loop instead takes the compiler ten times as long.
template <int N, class F, class... V> auto each(F f, V... v) {
  if constexpr (N == 2) return vec<decltype(f(v.x...)), 2>(f(v.x...), f(v.y...));
  if constexpr (N == 3) return vec<decltype(f(v.x...)), 3>(f(v.x...), f(v.y...), f(v.z...));
  if constexpr (N == 4) return vec<decltype(f(v.x...)), 4>(f(v.x...), f(v.y...), f(v.z...), f(v.w...));
}
#define VECTORS template <class T, int N>

// An operator of vectors, and of a vector and a scalar.
#define OPERATOR(op)                                                                                  \
  VECTORS auto operator op(vec<T, N> a, vec<T, N> b) {                                                \
    return each<N>([](T a, T b) -> result<T, decltype(a op b)> { return a op b; }, a, b);             \
  }                                                                                                   \
  VECTORS auto operator op(vec<T, N> a, scalar<T> b) { return a op vec<T, N>(b); }                    \
  VECTORS auto operator op(scalar<T> a, vec<T, N> b) { return vec<T, N>(a) op b; }
OPERATOR(+) OPERATOR(-) OPERATOR(*) OPERATOR(/) OPERATOR(%) OPERATOR(&) OPERATOR(|) OPERATOR(^)
OPERATOR(<) OPERATOR(>) OPERATOR(<=) OPERATOR(>=) OPERATOR(==) OPERATOR(!=) OPERATOR(<<) OPERATOR(>>)
VECTORS vec<T, N> operator-(vec<T, N> a) { return each<N>([](T a) { return -a; }, a); }
VECTORS void operator+=(vec<T, N> &a, vec<T, N> b) { a = a + b; }
VECTORS void operator-=(vec<T, N> &a, vec<T, N> b) { a = a - b; }

// A function of one, two or three numbers, and of as many vectors.
#define FUNCTION1(name, T, value)                                                                     \
  static T name(T a) { return value; }                                                                \
  template <int N> auto name(vec<T, N> a) { return each<N>([](T a) { return name(a); }, a); }
#define FUNCTION2(name, T, value)                                                                     \
  static T name(T a, T b) { return value; }                                                           \
  template <int N> auto name(vec<T, N> a, vec<T, N> b) { return each<N>([](T a, T b) { return name(a, b); }, a, b); }
#define FUNCTION3(name, T, value)                                                                     \
  static T name(T a, T b, T c) { return value; }                                                      \
  template <int N> auto name(vec<T, N> a, vec<T, N> b, vec<T, N> c) {                                 \
    return each<N>([](T a, T b, T c) { return name(a, b, c); }, a, b, c);                             \
  }
FUNCTION1(exp, float, __expf(a)) FUNCTION1(log, float, __logf(a)) FUNCTION1(tanh, float, tanhf(a))
FUNCTION1(sqrt, float, sqrtf(a)) FUNCTION3(fma, float, fmaf(a, b, c))
FUNCTION2(min, float, fminf(a, b)) FUNCTION2(min, int, a < b ? a : b) FUNCTION2(min, uint, a < b ? a : b)
FUNCTION2(max, float, fmaxf(a, b)) FUNCTION2(max, int, a > b ? a : b) FUNCTION2(max, uint, a > b ? a : b)
FUNCTION3(clamp, float, fminf(fmaxf(a, b), c)) FUNCTION3(clamp, int, min(max(a, b), c))
FUNCTION3(clamp, uint, min(max(a, b), c))

static bool all(vec<bool, 2> of) { return of.x & of.y; }
template <class T> T select(T no, T yes, bool of) { return of ? yes : no; }
VECTORS auto select(vec<T, N> no, vec<T, N> yes, vec<bool, N> of) {
  return each<N>([](T no, T yes, bool of) { return of ? yes : no; }, no, yes, of);
}
VECTORS auto select(vec<T, N> no, scalar<T> yes, vec<bool, N> of) { return select(no, vec<T, N>(yes), of); }

// C columns of R rows.
template <int C, int R> struct mat {
  vec<float, R> column[C];
  mat() = default;
  template <class... Columns> explicit mat(Columns... columns) : column{columns...} {}
  vec<float, R> &operator[](int i) { return column[i]; }
  const vec<float, R> &operator[](int i) const { return column[i]; }
};
using float4x4 = mat<4, 4>;
using float2x4 = mat<2, 4>;
#define COLUMNS(C) _Pragma("unroll") for (int i = 0; i < C; i++)
template <int C, int R> mat<C, R> operator+(mat<C, R> a, mat<C, R> b) {
  COLUMNS(C) a[i] = a[i] + b[i];
  return a;
}
template <int C, int R> vec<float, R> operator*(mat<C, R> a, vec<float, C> b) {
  vec<float, R> sum = a[0] * b[0];
  COLUMNS(C) if (i > 0) sum = sum + a[i] * b[i];
  return sum;
}
template <int C, int R> mat<R, C> transpose(mat<C, R> a) {
  mat<R, C> r;
  COLUMNS(C) _Pragma("unroll") for (int j = 0; j < R; j++) r[j][i] = a[i][j];
  return r;
}
enum class mem_flags { mem_device, mem_threadgroup };
static void threadgroup_barrier(mem_flags of) { __syncthreads(); }
}  // namespace metal

template <class To, class From> To as_type(From from) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}
