// torch.nn.init and torch.nn.utils: first values of parameters, and gradients clipped by norm or value.
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static class init
        {
            public enum NonlinearityType { Linear, Conv1D, Conv2D, Conv3D, ConvTranspose1D, ConvTranspose2D, ConvTranspose3D, Sigmoid, Tanh, ReLU, LeakyReLU }
            public enum FanInOut { FanIn, FanOut }

            private static Tensor Quietly(Tensor tensor, Action<Tensor> fill)
            {
                using var quiet = no_grad();
                fill(tensor);
                return tensor;
            }

            public static Tensor zeros_(Tensor tensor) => Quietly(tensor, t => t.zero_());
            public static Tensor ones_(Tensor tensor) => Quietly(tensor, t => t.fill_(1));
            public static Tensor constant_(Tensor tensor, Scalar val) => Quietly(tensor, t => t.fill_(val));
            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) => Quietly(tensor, t => t.uniform_(low, high, generator));
            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) => Quietly(tensor, t => t.normal_(mean, std, generator));

            public static Tensor trunc_normal_(Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
            {
                static double Phi(double x) => (1 + MathErf(x / Math.Sqrt(2))) / 2;
                double low = Phi((a - mean) / std), high = Phi((b - mean) / std);
                return Quietly(tensor, t =>
                {
                    t.uniform_(2 * low - 1, 2 * high - 1, generator);
                    t.erfinv_();
                    t.mul_(std * Math.Sqrt(2));
                    t.add_(mean);
                    t.clamp_((Scalar)a, (Scalar)b);
                });
            }

            private static double MathErf(double x)
            {
                using var t = torch.tensor(x);
                using var e = t.erf();
                return e.item<double>();
            }

            public static Tensor eye_(Tensor tensor) => Quietly(tensor, t => { using var e = torch.eye(t.shape[0], t.shape[1], t.dtype, t.device); t.copy_(e); });

            public static double calculate_gain(NonlinearityType nonlinearity, double param = 0) => nonlinearity switch
            {
                NonlinearityType.Tanh => 5.0 / 3,
                NonlinearityType.ReLU => Math.Sqrt(2),
                NonlinearityType.LeakyReLU => Math.Sqrt(2 / (1 + param * param)),
                _ => 1,
            };

            public static (long fanIn, long fanOut) CalculateFanInAndFanOut(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2) throw new ArgumentException("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
                var field = shape.Skip(2).Aggregate(1L, (a, b) => a * b);
                return (shape[1] * field, shape[0] * field);
            }

            private static double Fan(Tensor tensor, FanInOut mode)
            {
                var (into, from) = CalculateFanInAndFanOut(tensor);
                return mode == FanInOut.FanIn ? into : from;
            }

            public static Tensor kaiming_uniform_(Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU)
            {
                if (tensor.numel() == 0) return tensor;
                var bound = Math.Sqrt(3) * calculate_gain(nonlinearity, a) / Math.Sqrt(Fan(tensor, mode));
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor kaiming_normal_(Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU)
                => tensor.numel() == 0 ? tensor : normal_(tensor, 0, calculate_gain(nonlinearity, a) / Math.Sqrt(Fan(tensor, mode)));

            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1)
            {
                var (into, from) = CalculateFanInAndFanOut(tensor);
                var bound = Math.Sqrt(3) * gain * Math.Sqrt(2.0 / (into + from));
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor xavier_normal_(Tensor tensor, double gain = 1)
            {
                var (into, from) = CalculateFanInAndFanOut(tensor);
                return normal_(tensor, 0, gain * Math.Sqrt(2.0 / (into + from)));
            }

            public static Tensor glorot_uniform_(Tensor tensor, double gain = 1) => xavier_uniform_(tensor, gain);
            public static Tensor glorot_normal_(Tensor tensor, double gain = 1) => xavier_normal_(tensor, gain);

            public static Tensor orthogonal_(Tensor tensor, double gain = 1)
            {
                if (tensor.dim() < 2) throw new ArgumentException("Only tensors with 2 or more dimensions are supported");
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                long rows = tensor.shape[0], columns = tensor.numel() / tensor.shape[0];
                var flat = torch.randn(rows, columns, tensor.dtype, tensor.device);
                if (rows < columns) flat = flat.t();
                var (q, r) = Aten.Call2("linalg_qr", flat);
                q = q.mul(r.diagonal().sign());
                if (rows < columns) q = q.t();
                tensor.copy_(q.reshape(tensor.shape));
                tensor.mul_(gain);
                return tensor;
            }
        }

        public static partial class utils
        {
            /// <summary>Scales all gradients so that their joint norm is at most max_norm.</summary>
            /// <returns>The joint norm before.</returns>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2)
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                var grads = tensors.Select(p => p.grad).Where(g => g is not null).Select(g => g!).ToList();
                if (grads.Count == 0) return 0;
                var norms = torch.stack(grads.Select(g => Aten.Call("linalg_vector_norm", g, norm_type).to(grads[0].device)));
                var total = Aten.Call("linalg_vector_norm", norms, norm_type);
                var factor = (max_norm / (total + 1e-6)).clamp_max(1.0);
                foreach (var g in grads) g.detach().mul_(factor.to(g.device));
                return total.ToDouble();
            }

            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                foreach (var p in tensors) p.grad?.clamp_((Scalar)(-clip_value), (Scalar)clip_value);
            }

            public static Tensor parameters_to_vector(IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                return torch.cat(tensors.Select(t => t.view(-1)).ToArray(), 0).MoveToOuterDisposeScope();
            }

            public static void vector_to_parameters(Tensor vec, IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                long at = 0;
                foreach (var p in tensors)
                {
                    p.copy_(vec.narrow(0, at, p.numel()).view_as(p));
                    at += p.numel();
                }
            }
        }
    }
}
