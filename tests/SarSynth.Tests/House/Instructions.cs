// What the code of a built method names. ECMA-335, partition III: operands of instructions.
using System.Reflection;
using System.Reflection.Emit;

namespace SarSynth.Tests.House;

/// <summary>Reads the instructions of methods.</summary>
internal static class Instructions
{
    /// <summary>All that a type itself declares.</summary>
    public const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static
        | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> codes =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    /// <summary>Methods and constructors that a type itself declares.</summary>
    public static IEnumerable<MethodBase> Methods(Type type) =>
        type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared));

    /// <summary>Types, fields and methods in the order in which a method's code names them.</summary>
    public static List<MemberInfo> Members(MethodBase method)
    {
        var members = new List<MemberInfo>();
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } il)
            return members;
        Type[] typeArguments = method.DeclaringType?.GetGenericArguments() ?? [],
            arguments = method is MethodInfo ? method.GetGenericArguments() : [];
        for (var at = 0; at < il.Length;)
        {
            var value = (short)(il[at] == 0xFE ? 0xFE00 | il[at + 1] : il[at]);
            var code = codes[value];
            at += code.Size;
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok
                    or OperandType.InlineType:
                    members.Add(method.Module.ResolveMember(BitConverter.ToInt32(il, at), typeArguments, arguments)!);
                    at += 4;
                    break;
                case OperandType.InlineSwitch:
                    at += 4 + 4 * BitConverter.ToInt32(il, at);
                    break;
                default:
                    at += Size(code.OperandType);
                    break;
            }
        }
        return members;
    }

    private static int Size(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };
}
