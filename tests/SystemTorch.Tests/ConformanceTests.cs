using System.Globalization;
using System.IO.Compression;
using System.Reflection;
using System.Text;
using SarSynth.Tests.Support;
using TorchSharp;

namespace SystemTorch.Tests;

/// <summary>Holds every public member to TorchSharp 0.106.0: goldens/torch has its signatures, read from its assembly by reflection.</summary>
public class ConformanceTests
{
    private static readonly Type[] Extensions = [typeof(SystemTorchInfo), typeof(OperatorTime), typeof(OperatorProfile)];

    /// <summary>The members of each type of TorchSharp, in the form that Describe gives.</summary>
    private static Dictionary<string, HashSet<string>> Reference()
    {
        using var file = File.OpenRead(TestData.Golden("torch/torchsharp-0.106.0-api.txt.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        var types = new Dictionary<string, HashSet<string>>();
        var current = new HashSet<string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#') || line.Length == 0) continue;
            if (line.StartsWith("  ", StringComparison.Ordinal)) { current.Add(Plain(line.Trim())); continue; }
            var words = line.Split(" : ")[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).SkipWhile(w => w is "static" or "abstract" or "class" or "struct" or "enum" or "interface");
            types[string.Join(" ", words)] = current = [];
        }
        return types;
    }

    /// <summary>Without the words that do not matter to a caller.</summary>
    private static string Plain(string member)
    {
        foreach (var word in new[] { "protected ", "virtual ", "abstract " })
            if (member.StartsWith(word, StringComparison.Ordinal)) return Plain(member[word.Length..]);
        return member;
    }

    [Fact]
    public void Every_public_type_and_member_is_TorchSharps()
    {
        var reference = Reference();
        var strange = new List<string>();
        var members = 0;
        foreach (var type in typeof(torch).Assembly.GetExportedTypes().Where(t => !Extensions.Contains(t)))
        {
            var name = Name(type);
            if (!reference.TryGetValue(name, out var known)) { strange.Add("type " + name); continue; }
            if (type.IsEnum)
            {
                var values = known.SelectMany(l => l.Split(", ")).ToHashSet();
                strange.AddRange(type.GetEnumNames().Where(v => !values.Contains(v)).Select(v => $"{name}: value {v}"));
                continue;
            }
            foreach (var member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
                foreach (var text in Describe(member))
                {
                    members++;
                    if (!known.Contains(text) && !IsNarrower(text, known) && !OverridesOrImplements(member)) strange.Add($"{name}: {text}");
                }
        }
        Assert.True(members > 2000, $"only {members} members were looked at");
        Assert.True(strange.Count == 0, $"{strange.Count} of {members} members are not TorchSharp's:\n{string.Join("\n", strange)}");
    }

    /// <summary>A property that lacks an accessor of TorchSharp's.</summary>
    private static bool IsNarrower(string text, HashSet<string> known) => text.EndsWith(" { get; }", StringComparison.Ordinal) && known.Contains(text.Replace("{ get; }", "{ get; set; }"));

    private static bool OverridesOrImplements(MemberInfo member) => member is MethodInfo m && m.IsVirtual && (m.GetBaseDefinition() != m || m.IsFinal);

    private static IEnumerable<string> Describe(MemberInfo member)
    {
        switch (member)
        {
            case ConstructorInfo c:
                yield return $"new({Parameters(c.GetParameters())})";
                break;
            case MethodInfo m when !m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal):
                var generic = m.IsGenericMethodDefinition ? $"<{string.Join(", ", m.GetGenericArguments().Select(Name))}>" : "";
                yield return $"{(m.IsStatic ? "static " : "")}{Name(m.ReturnType)} {m.Name}{generic}({Parameters(m.GetParameters())})";
                break;
            case PropertyInfo p:
                var isStatic = (p.GetMethod ?? p.SetMethod)!.IsStatic;
                var index = p.GetIndexParameters();
                var accessors = $"{{ {(p.GetMethod is { IsPublic: true } ? "get; " : "")}{(p.SetMethod is { IsPublic: true } ? "set; " : "")}}}";
                yield return $"{(isStatic ? "static " : "")}{Name(p.PropertyType)} {p.Name}{(index.Length > 0 ? $"[{Parameters(index).Replace("params ", "")}]" : "")} {accessors}";
                break;
            case FieldInfo f:
                yield return $"{(f.IsStatic ? "static " : "")}field {Name(f.FieldType)} {f.Name}";
                break;
        }
    }

    private static string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(p =>
        (p.IsOut ? "out " : p.ParameterType.IsByRef ? "ref " : p.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "") +
        $"{Name(p.ParameterType.IsByRef ? p.ParameterType.GetElementType()! : p.ParameterType)} {p.Name}" + (p.HasDefaultValue ? $" = {Value(p)}" : "")));

    private static string Value(ParameterInfo p) => p.RawDefaultValue switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string s => $"\"{s}\"",
        IFormattable when p.ParameterType.IsEnum => Enum.ToObject(p.ParameterType, p.RawDefaultValue!).ToString()!,
        double d => d.ToString(CultureInfo.InvariantCulture),
        float f => f.ToString(CultureInfo.InvariantCulture),
        var other => Convert.ToString(other, CultureInfo.InvariantCulture)!,
    };

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(short)] = "short", [typeof(int)] = "int", [typeof(long)] = "long",
        [typeof(float)] = "float", [typeof(double)] = "double", [typeof(string)] = "string", [typeof(object)] = "object", [typeof(void)] = "void",
    };

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword)) return keyword;
        if (type.IsGenericParameter) return type.Name;
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (Nullable.GetUnderlyingType(type) is { } inner) return Name(inner) + "?";
        var text = new StringBuilder(type.Name.Split('`')[0]);
        for (var outer = type.DeclaringType; outer is not null; outer = outer.DeclaringType) text.Insert(0, outer.Name.Split('`')[0] + ".");
        if (type.Namespace is { } n && n.StartsWith("TorchSharp.", StringComparison.Ordinal)) text.Insert(0, n["TorchSharp.".Length..] + ".");
        if (type.IsGenericType) text.Append($"<{string.Join(", ", type.GetGenericArguments().Select(Name))}>");
        return text.ToString();
    }
}
