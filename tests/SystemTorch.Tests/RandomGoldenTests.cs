using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SystemTorch.Tests;

/// <summary>Random numbers: a seed gives what it gives in PyTorch.</summary>
public class RandomGoldenTests
{
    private static readonly Dictionary<string, Func<Tensor>> Draws = new()
    {
        ["randn_short"] = () => torch.randn(7),
        ["randn_long"] = () => torch.randn(40),
        ["randn_double"] = () => torch.randn(20, float64),
        ["rand"] = () => torch.rand(3, 5),
        ["rand_double"] = () => torch.rand(9, float64),
        ["randint"] = () => torch.randint(-5, 100, [20L]),
        ["randperm"] = () => torch.randperm(30),
        ["normal"] = () => torch.normal(2.0, 3.0, [18]),
        ["bernoulli"] = () => torch.bernoulli(torch.full(30, 0.3)),
        ["multinomial"] = () => torch.multinomial(torch.tensor(new[] { 0.1f, 0.2f, 0.7f }), 20, true),
        ["exponential"] = () => torch.empty(12).exponential_(1.5),
        ["poisson"] = () => torch.poisson(torch.full(15, 4.0)),
        ["dropout"] = () => F.dropout(torch.ones(4, 8), 0.4),
        ["dropout2d"] = () => F.dropout2d(torch.ones(3, 6, 2, 2), 0.5),
        ["sequence"] = () => torch.cat([torch.randn(3), torch.rand(2), torch.randn(17), torch.randperm(5).@float()]),
        ["own_generator"] = () =>
        {
            using var g = new Generator(99);
            return torch.cat([torch.randn(5, generator: g), torch.rand(5, generator: g), torch.empty(5).normal_(1, 2, g)]);
        },
        ["resumed"] = () =>
        {
            torch.rand(3);
            var state = get_rng_state();
            torch.randn(11);
            set_rng_state(state);
            return torch.randn(20);
        },
    };

    public static IEnumerable<object[]> Names => Golden.Names("draws");

    [Theory]
    [MemberData(nameof(Names))]
    public void A_seed_gives_PyTorchs_numbers(string name)
    {
        using var scope = NewDisposeScope();
        Assert.True(Draws.TryGetValue(name, out var draw), $"no C# for the recorded draw {name}");
        manual_seed(1234);
        Golden.Same(Golden.Root.GetProperty("draws").GetProperty(name), draw!(), name);
    }

    [Fact]
    public void Seed_zero_is_a_seed_like_any_other()
    {
        using var own = new torch.Generator(0);
        using var drawn = torch.randn([8], generator: own);
        using var standard = torch.Generator.Default;
        standard.manual_seed(0);
        using var expected = torch.randn([8], generator: standard);
        Assert.Equal(expected.data<float>().ToArray(), drawn.data<float>().ToArray());
    }

    [Fact]
    public void Generators_do_not_disturb_each_other()
    {
        using var scope = NewDisposeScope();
        using var a = new Generator(3);
        using var b = new Generator(3);
        var first = torch.randn(10, generator: a);
        torch.randn(100);
        Assert.Equal(first.data<float>().ToArray(), torch.randn(10, generator: b).data<float>().ToArray());
        Assert.Equal(3, a.initial_seed());
    }
}
