namespace Varve.Cli.Output;

/// <summary>Whoever read the output has closed it.</summary>
internal sealed class OutputClosedException(IOException cause) : Exception("The output was closed.", cause);
