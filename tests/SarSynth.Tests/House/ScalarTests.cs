// Numbers reach libtorch only in objects that live through the call: see src/SarSynth.Diffusion/Scalars.cs.
using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Tests.House;

public class ScalarTests
{
    // TorchScript's arguments: numbers among them become such objects, but the kit gives tensors alone.
    private static readonly string[] allowed = ["CompilationUnit.invoke"];

    private static readonly Lazy<HashSet<MethodBase>> makers = new(Makers);

    [Theory]
    [InlineData("SarSynth.Diffusion")]
    [InlineData("SarSynth")]
    [InlineData("sarsynth-cli")]
    public void No_code_makes_a_number_that_nothing_holds(string assembly) =>
        Assert.Empty(Assembly.Load(assembly).GetTypes().Where(type => Outer(type).FullName != "SarSynth.Scalars")
            .SelectMany(Wrong));

    [Fact]
    public void Such_numbers_are_found()
    {
        string[] expected = ["Factor: Scalar.op_Implicit", "Factor: Tensor.op_Multiply", "Sum: Tensor.op_Addition",
            "Square: Tensor.square", "Steps: Scalar.op_Implicit", "Steps: torch.arange",
            "Value: Tensor.ToScalar"];
        Assert.Equal(expected, Wrong(typeof(Unheld)));
    }

    private static IEnumerable<string> Wrong(Type type) => Instructions.Methods(type).SelectMany(method =>
        Instructions.Members(method).OfType<MethodBase>().Where(Makes)
        .Select(used => $"{method.Name}: {used.DeclaringType!.Name}.{used.Name}"))
        .Where(line => !allowed.Any(name => line.EndsWith(": " + name, StringComparison.Ordinal)));

    private static bool Makes(MethodBase method) => IsScalar(method) || makers.Value.Contains(Definition(method));

    private static bool IsScalar(MethodBase method) => method is MethodInfo made ? made.ReturnType == typeof(Scalar)
        : method.DeclaringType == typeof(Scalar);

    // TorchSharp's own methods that make such an object on the way, directly or through others.
    private static HashSet<MethodBase> Makers()
    {
        var used = typeof(Tensor).Assembly.GetTypes().SelectMany(Instructions.Methods)
            .Where(method => !IsScalar(method) && method.DeclaringType != typeof(ScalarExtensionMethods))
            .ToDictionary(Definition, method => Instructions.Members(method).OfType<MethodBase>().ToList());
        var found = used.Where(pair => pair.Value.Any(IsScalar)).Select(pair => pair.Key).ToHashSet();
        for (var before = 0; before < found.Count;)
        {
            before = found.Count;
            found.UnionWith(used.Where(pair => pair.Value.Any(other => found.Contains(Definition(other))))
                .Select(pair => pair.Key).ToList());
        }
        return found;
    }

    // Methods of arrays have no definition.
    private static MethodBase Definition(MethodBase method) => method.DeclaringType is { IsArray: true } ? method
        : method.Module.ResolveMethod(method.MetadataToken)!;

    private static Type Outer(Type type) => type.DeclaringType is { } outer ? Outer(outer) : type;

    private static class Unheld
    {
        public static Tensor Factor(Tensor x) => x.mul(0.5) * 2;

        public static Tensor Sum(Tensor x) => x + x;

        public static Tensor Square(Tensor x) => x.square();

        public static Tensor Steps() => arange(3);

        public static double Value(Tensor x) => x.ToScalar().ToDouble();

        public static Tensor Product(Tensor x) => x * x - x;
    }
}
