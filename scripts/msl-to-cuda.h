// Metal's types and functions, as far as naga's text of the kernels uses them, for NVIDIA's CUDA C++ compiler
// (scripts/compile-for-nvidia.py).
typedef unsigned int uint;
#define INFINITY __int_as_float(0x7f800000)
#define kernel extern "C" __global__
#define device
#define constant const
#define threadgroup
#define thread
#define EACH _Pragma("unroll") for (int i = 0; i < N; i++)

namespace metal {
using ::uint;
template <class T, int N> struct vec;

// Swizzles are rewritten to calls of `swizzle`. Loads of a vector of four are one instruction, as in the driver.
#define MEMBERS                                                                                       \
  constexpr vec() = default;                                                                                    \
  explicit vec(T all) { EACH (*this)[i] = all; }                                                      \
  template <class U> explicit vec(vec<U, N> of) { EACH (*this)[i] = T(of[i]); }                       \
  T &operator[](int i) { return (&x)[i]; }                                                            \
  const T &operator[](int i) const { return (&x)[i]; }                                                \
  template <int... I> vec<T, sizeof...(I)> swizzle() const { return vec<T, sizeof...(I)>((*this)[I]...); }

template <class T> struct alignas(2 * sizeof(T)) vec<T, 2> {
  static const int N = 2;
  T x, y;
  constexpr vec(T x, T y) : x(x), y(y) {}
  MEMBERS
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 3> {
  static const int N = 3;
  T x, y, z;
  constexpr vec(T x, T y, T z) : x(x), y(y), z(z) {}
  constexpr vec(vec<T, 2> a, T z) : x(a.x), y(a.y), z(z) {}
  MEMBERS
};
template <class T> struct alignas(4 * sizeof(T)) vec<T, 4> {
  static const int N = 4;
  T x, y, z, w;
  constexpr vec(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  constexpr vec(vec<T, 2> a, vec<T, 2> b) : x(a.x), y(a.y), z(b.x), w(b.y) {}
  constexpr vec(T x, vec<T, 2> b, T w) : x(x), y(b.x), z(b.y), w(w) {}
  constexpr vec(vec<T, 2> a, T z, T w) : x(a.x), y(a.y), z(z), w(w) {}
  constexpr vec(vec<T, 3> a, T w) : x(a.x), y(a.y), z(a.z), w(w) {}
  MEMBERS
};
#define NAMES(T) using T##2 = vec<T, 2>; using T##3 = vec<T, 3>; using T##4 = vec<T, 4>;
NAMES(float) NAMES(int) NAMES(uint) NAMES(bool)

template <class T> struct same { using type = T; };
template <class T> using scalar = typename same<T>::type;

// The result of an operator: C++ makes an int of two bools.
template <class T, class R> struct result { using type = R; };
template <> struct result<bool, int> { using type = bool; };

// An operator of vectors, and of a vector and a scalar.
#define OPERATOR(op)                                                                                  \
  template <class T, int N> auto operator op(vec<T, N> a, vec<T, N> b) {                              \
    vec<typename result<T, decltype(a.x op b.x)>::type, N> r;                                                                 \
    EACH r[i] = a[i] op b[i];                                                                         \
    return r;                                                                                         \
  }                                                                                                   \
  template <class T, int N> auto operator op(vec<T, N> a, scalar<T> b) { return a op vec<T, N>(b); }  \
  template <class T, int N> auto operator op(scalar<T> a, vec<T, N> b) { return vec<T, N>(a) op b; }
OPERATOR(+) OPERATOR(-) OPERATOR(*) OPERATOR(/) OPERATOR(%) OPERATOR(&) OPERATOR(|) OPERATOR(^)
OPERATOR(<) OPERATOR(>) OPERATOR(<=) OPERATOR(>=) OPERATOR(==) OPERATOR(!=) OPERATOR(<<) OPERATOR(>>)
template <class T, int N> vec<T, N> operator-(vec<T, N> a) { EACH a[i] = -a[i]; return a; }
template <class T, int N> void operator+=(vec<T, N> &a, vec<T, N> b) { a = a + b; }
template <class T, int N> void operator-=(vec<T, N> &a, vec<T, N> b) { a = a - b; }

// A function of one, two or three numbers, and of as many vectors.
#define FUNCTION1(name, T, value)                                                                     \
  static T name(T a) { return value; }                                                                \
  template <int N> vec<T, N> name(vec<T, N> a) { EACH a[i] = name(a[i]); return a; }
#define FUNCTION2(name, T, value)                                                                     \
  static T name(T a, T b) { return value; }                                                           \
  template <int N> vec<T, N> name(vec<T, N> a, vec<T, N> b) { EACH a[i] = name(a[i], b[i]); return a; }
#define FUNCTION3(name, T, value)                                                                     \
  static T name(T a, T b, T c) { return value; }                                                      \
  template <int N> vec<T, N> name(vec<T, N> a, vec<T, N> b, vec<T, N> c) {                            \
    EACH a[i] = name(a[i], b[i], c[i]);                                                               \
    return a;                                                                                         \
  }
FUNCTION1(exp, float, __expf(a)) FUNCTION1(log, float, __logf(a)) FUNCTION1(tanh, float, tanhf(a))
FUNCTION1(sqrt, float, sqrtf(a)) FUNCTION1(rsqrt, float, rsqrtf(a)) FUNCTION1(abs, float, fabsf(a))
FUNCTION1(floor, float, floorf(a)) FUNCTION1(sign, float, float((a > 0.0f) - (a < 0.0f)))
FUNCTION2(pow, float, __powf(a, b)) FUNCTION3(fma, float, fmaf(a, b, c))
FUNCTION2(min, float, fminf(a, b)) FUNCTION2(min, int, a < b ? a : b) FUNCTION2(min, uint, a < b ? a : b)
FUNCTION2(max, float, fmaxf(a, b)) FUNCTION2(max, int, a > b ? a : b) FUNCTION2(max, uint, a > b ? a : b)
FUNCTION3(clamp, float, fminf(fmaxf(a, b), c)) FUNCTION3(clamp, int, min(max(a, b), c))
FUNCTION3(clamp, uint, min(max(a, b), c))

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
template <int C, int R> mat<C, R> operator+(mat<C, R> a, mat<C, R> b) {
  _Pragma("unroll") for (int i = 0; i < C; i++) a[i] = a[i] + b[i];
  return a;
}
template <int C, int R> vec<float, R> operator*(mat<C, R> a, vec<float, C> b) {
  vec<float, R> sum = a[0] * b[0];
  _Pragma("unroll") for (int i = 1; i < C; i++) sum = sum + a[i] * b[i];
  return sum;
}
template <int C, int R> vec<float, C> operator*(vec<float, R> a, mat<C, R> b) {
  vec<float, C> r;
  _Pragma("unroll") for (int i = 0; i < C; i++) r[i] = dot(a, b[i]);
  return r;
}
template <int C, int R> mat<R, C> transpose(mat<C, R> a) {
  mat<R, C> r;
  _Pragma("unroll") for (int i = 0; i < R; i++)
    _Pragma("unroll") for (int j = 0; j < C; j++) r[i][j] = a[j][i];
  return r;
}
template <int N> float dot(vec<float, N> a, vec<float, N> b) {
  float sum = a.x * b.x;
  _Pragma("unroll") for (int i = 1; i < N; i++) sum += a[i] * b[i];
  return sum;
}
template <class T> T select(T no, T yes, bool of) { return of ? yes : no; }
template <class T, int N> vec<T, N> select(vec<T, N> no, vec<T, N> yes, vec<bool, N> of) {
  EACH no[i] = of[i] ? yes[i] : no[i];
  return no;
}
template <class T, int N> vec<T, N> select(vec<T, N> no, scalar<T> yes, vec<bool, N> of) { return select(no, vec<T, N>(yes), of); }
template <int N> bool all(vec<bool, N> of) { bool r = true; EACH r &= of[i]; return r; }
template <int N> bool any(vec<bool, N> of) { bool r = false; EACH r |= of[i]; return r; }
enum class mem_flags { mem_device, mem_threadgroup };
static void threadgroup_barrier(mem_flags of) { __syncthreads(); }
}  // namespace metal

template <class To, class From> To as_type(From from) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}
