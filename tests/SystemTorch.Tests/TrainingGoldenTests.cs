using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>Modules, optimizers and schedules against python3-torch: initial weights, outputs, buffers, steps, rates.</summary>
public class TrainingGoldenTests
{
    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>>> Modules = new()
    {
        ["linear"] = () => nn.Linear(8, 5),
        ["conv2d"] = () => nn.Conv2d(4, 6, 3, stride: 2, padding: 1),
        ["conv2d_reflect"] = () => nn.Conv2d(4, 6, 3, padding: 1, padding_mode: PaddingModes.Reflect),
        ["conv_transpose2d"] = () => nn.ConvTranspose2d(4, 2, 4, stride: 2, padding: 1),
        ["group_norm"] = () => nn.GroupNorm(2, 4),
        ["layer_norm"] = () => nn.LayerNorm(8),
        ["batch_norm"] = () => nn.BatchNorm2d(4),
        ["embedding"] = () => nn.Embedding(10, 6),
        ["sequential"] = () => nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Dropout(0.0), nn.Linear(16, 3)),
    };

    public static IEnumerable<object[]> ModuleNames => Golden.Names("modules");

    [Theory]
    [MemberData(nameof(ModuleNames))]
    public void Module(string name)
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Root.GetProperty("modules").GetProperty(name);
        manual_seed(5);
        using var module = Modules[name]();
        State(golden.GetProperty("state"), module, name + " as made");
        var input = Golden.Unpack(golden.GetProperty("input"));
        Golden.Same(golden.GetProperty("train"), module.call(input), name + " in training");
        State(golden.GetProperty("after"), module, name + " after a call");
        module.eval();
        Golden.Same(golden.GetProperty("eval"), module.call(input), name + " in evaluation");
    }

    private static void State(JsonElement golden, nn.Module module, string what)
    {
        var state = module.state_dict();
        Assert.Equal(golden.EnumerateObject().Select(p => p.Name), state.Keys);
        foreach (var p in golden.EnumerateObject()) Golden.Same(p.Value, state[p.Name], $"{what}: {p.Name}");
    }

    private static readonly Dictionary<string, Func<TorchSharp.Modules.Parameter[], optim.Optimizer>> Optimizers = new()
    {
        ["adamw"] = p => optim.AdamW(p, lr: 0.05, beta1: 0.8, beta2: 0.95, eps: 1e-6, weight_decay: 0.1),
        ["adamw_amsgrad"] = p => optim.AdamW(p, lr: 0.05, weight_decay: 0.01, amsgrad: true),
        ["adam_decay"] = p => optim.Adam(p, lr: 0.03, weight_decay: 0.2),
        ["sgd"] = p => optim.SGD(p, 0.1),
        ["sgd_nesterov"] = p => optim.SGD(p, 0.05, momentum: 0.9, weight_decay: 0.01, nesterov: true),
    };

    public static IEnumerable<object[]> OptimizerNames => Golden.Names("optimizers");

    [Theory]
    [MemberData(nameof(OptimizerNames))]
    public void Optimizer(string name)
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Root.GetProperty("optimizers").GetProperty(name);
        var inputs = Golden.Root.GetProperty("cases").GetProperty("add_alpha").GetProperty("inputs");
        var w = new TorchSharp.Modules.Parameter(Golden.Unpack(inputs[0]));
        var b = new TorchSharp.Modules.Parameter(Golden.Unpack(Golden.Root.GetProperty("cases").GetProperty("outer_diag").GetProperty("inputs")[0]));
        var target = Golden.Unpack(inputs[1]);
        using var optimizer = Optimizers[name]([w, b]);
        var losses = golden.GetProperty("losses");
        for (var k = 0; k < losses.GetArrayLength(); k++)
        {
            optimizer.zero_grad();
            var loss = (w * b - target).pow(2).mean();
            if (k != 3) loss = loss + w.sin().sum() * 0.1;
            else loss = loss + 0;
            loss.backward();
            optimizer.step();
            Assert.Equal(losses[k].GetDouble(), loss.item<float>(), 5e-6 * (1 + Math.Abs(losses[k].GetDouble())));
        }
        Golden.Same(golden.GetProperty("w"), w, name + ": w", 5e-6);
        Golden.Same(golden.GetProperty("b"), b, name + ": b", 5e-6);
    }

    private static readonly Dictionary<string, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler>> Schedules = new()
    {
        ["step"] = o => optim.lr_scheduler.StepLR(o, 3, 0.5),
        ["multistep"] = o => optim.lr_scheduler.MultiStepLR(o, [2, 5], 0.1),
        ["exponential"] = o => optim.lr_scheduler.ExponentialLR(o, 0.9),
        ["cosine"] = o => optim.lr_scheduler.CosineAnnealingLR(o, 8, 0.01),
        ["linear"] = o => optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 4),
        ["constant"] = o => optim.lr_scheduler.ConstantLR(o, 0.25, 3),
        ["lambda"] = o => optim.lr_scheduler.LambdaLR(o, e => 1.0 / (1 + e)),
        ["multiplicative"] = o => optim.lr_scheduler.MultiplicativeLR(o, _ => 0.8),
    };

    public static IEnumerable<object[]> ScheduleNames => Golden.Names("schedules");

    [Theory]
    [MemberData(nameof(ScheduleNames))]
    public void Schedule(string name)
    {
        using var p = new TorchSharp.Modules.Parameter(torch.zeros(1));
        using var optimizer = optim.SGD([p], 0.4);
        var schedule = Schedules[name](optimizer);
        var rates = new List<double> { optimizer.ParamGroups.First().LearningRate };
        for (var k = 0; k < 8; k++)
        {
            optimizer.step();
            schedule.step();
            rates.Add(optimizer.ParamGroups.First().LearningRate);
        }
        var expected = Golden.Root.GetProperty("schedules").GetProperty(name).EnumerateArray().Select(v => v.GetDouble()).ToArray();
        Assert.Equal(expected.Length, rates.Count);
        for (var k = 0; k < rates.Count; k++) Assert.Equal(expected[k], rates[k], 1e-12);
    }
}
