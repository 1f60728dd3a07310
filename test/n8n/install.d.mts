export declare const folder: string;
export declare const nodeBinary: string;
export declare const n8nCommand: string;
export declare function isInstalled(): boolean;
