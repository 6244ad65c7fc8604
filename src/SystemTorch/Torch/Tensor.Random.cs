// torch.Tensor: draws from distributions.
namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor bernoulli(Generator? generator = null) => Aten.Call("bernoulli", this, generator);
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Aten.Self("bernoulli_.float", this, p, generator);
        public Tensor bernoulli_(Tensor p, Generator? generator = null) => Aten.Self("bernoulli_.Tensor", this, p, generator);
        public Tensor cauchy_(double median = 0, double sigma = 1, Generator? generator = null) => Aten.Self("cauchy_", this, median, sigma, generator);
        public Tensor exponential_(double lambda = 1, Generator? generator = null) => Aten.Self("exponential_", this, lambda, generator);
        public Tensor geometric_(double p, Generator? generator = null) => Aten.Self("geometric_", this, p, generator);
        public Tensor log_normal_(double mean = 0, double std = 1, Generator? generator = null) => Aten.Self("log_normal_", this, mean, std, generator);
        public Tensor poisson(Generator? generator = null) => Aten.Call("poisson", this, generator);
        public Tensor rrelu(double lower = 0.125, double upper = 0.3333333333333333) => Aten.Call("rrelu", this, lower, upper);
        public Tensor rrelu_(double lower = 0.125, double upper = 0.3333333333333333) => Aten.Self("rrelu_", this, lower, upper);
    }
}
