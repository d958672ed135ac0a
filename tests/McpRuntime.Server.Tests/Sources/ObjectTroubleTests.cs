using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Server.Sources.CustomResources;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>Whose a fault is that comes up at one object: its own, or that of everything that would be asked after it.</summary>
internal sealed class ObjectTroubleTests
{
    [TestCase(FaultKind.Transient, KubernetesWire.Faults.Failed, true)]
    [TestCase(FaultKind.Transient, KubernetesWire.Faults.Changed, true)]
    [TestCase(FaultKind.Refused, "PolicyViolated", true)]
    [TestCase(FaultKind.Transient, "KubernetesUnreachable", false)]
    [TestCase(FaultKind.Transient, "KubernetesTimeout", false)]
    [TestCase(FaultKind.Throttled, "KubernetesThrottled", false)]
    public void An_error_about_one_object_ends_no_look_and_a_server_that_is_away_does(FaultKind kind, string reason, bool itsOwn) =>
        CustomResourceSource.IsItsOwn(new Fault(kind, reason, "words")).Should().Be(itsOwn);
}
