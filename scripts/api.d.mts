import type { Operation } from '../engine/operations/operation.ts';

export declare function apiPage(operations: readonly Operation[]): string;
