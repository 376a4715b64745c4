// SPDX-License-Identifier: GPL-2.0

public import ArgumentParser
public import Harness
public import LifeCycle
public import Results

// Enums that are values of options: ArgumentParser lists their cases in --help and in the error for any other value.

extension AcceleratorChoice: ExpressibleByArgument {}
extension Design: ExpressibleByArgument {}
extension Isolation: ExpressibleByArgument {}
extension ModelProvider: ExpressibleByArgument {}
extension KernelSelftestPlan.Setting: ExpressibleByArgument {}
