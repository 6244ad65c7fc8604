// Which samplers there are, and how their timesteps are spread.
namespace SarSynth.Diffusion.Samplers;

/// <summary>The samplers, each one function of <see cref="Sampler"/>.</summary>
public enum SamplerKind
{
    /// <summary>DDPMScheduler.</summary>
    Ddpm,

    /// <summary>DDIMScheduler.</summary>
    Ddim,

    /// <summary>EulerDiscreteScheduler.</summary>
    Euler,

    /// <summary>EulerAncestralDiscreteScheduler.</summary>
    EulerAncestral,

    /// <summary>HeunDiscreteScheduler.</summary>
    Heun,

    /// <summary>DPMSolverMultistepScheduler.</summary>
    DpmSolver,

    /// <summary>LCMScheduler.</summary>
    Lcm,

    /// <summary>PNDMScheduler without Runge-Kutta steps.</summary>
    Pndm,
}

/// <summary>How inference timesteps are spread over the training timesteps (Lin et al. 2024, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>Multiples of T/n from 0, plus the offset.</summary>
    Leading,

    /// <summary>Multiples of T/n down from T, minus one.</summary>
    Trailing,

    /// <summary>From 0 to T-1, both in.</summary>
    Linspace,
}
