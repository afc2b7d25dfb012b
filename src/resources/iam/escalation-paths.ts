/**
 * Ways to more rights than a policy names, as they are published (S. Gietzen, "AWS IAM Privilege Escalation", Rhino Security Labs, 2018; PMapper's edges; pathfinding.cloud),
 * and their like by AWS's own list of actions. Those of IAM and STS themselves are not here: a squad has no action of either but for what rules/actions.ts lets it have.
 */

/**
 * By service: whoever may do one of these acts with the rights of a role, or of somebody, that is there already. It answers with credentials, a token, a link or a shell of
 * theirs; or it runs, under their rights, what the call brings; or it changes what is run, read or written under them (code, a script, a template, a destination), or to
 * whom their credentials are sent.
 */
const TAKEN_OVER: Readonly<Record<string, string>> = {
  aidevops: "CreateAccessToken CreateOneTimeLoginSession RotateAccessToken UpdateApprovalAction UpdateOperatorAppIdpConfig",
  airflow: "CreateCliToken CreateWebLoginToken InvokeRestApi UpdateEnvironment",
  "airflow-serverless": "UpdateWorkflow",
  amplify: "CreateBranch CreateDeployment StartDeployment UpdateApp UpdateBranch",
  amplifybackend: "CreateToken GetToken",
  apprunner: "UpdateService",
  appstream: "CreateAppBlockBuilderStreamingURL CreateImageBuilderStreamingURL CreateStreamingURL Stream",
  appsync: "CreateChannelNamespace UpdateChannelNamespace",
  athena: "CreatePresignedNotebookUrl GetSessionEndpoint StartCalculationExecution StartSession UpdateNotebook",
  autoscaling: "StartInstanceRefresh UpdateAutoScalingGroup",
  batch: "SubmitJob",
  bedrock: "CreateDataSource UpdateDataSource",
  "bedrock-agentcore":
    "ConnectBrowserAutomationStream ConnectBrowserLiveViewStream CreateGatewayTarget InvokeAgentRuntimeCommand InvokeAgentRuntimeCommandShell InvokeCodeInterpreter StartBrowserSession UpdateBrowserStream UpdateGatewayTarget",
  // A budget's action attaches policies under a role of its own.
  budgets: "ExecuteBudgetAction UpdateBudgetAction",
  chatbot: "UpdateMicrosoftTeamsChannelConfiguration UpdateSlackChannelConfiguration",
  cloud9:
    "ActivateEC2Remote CreateEnvironmentMembership CreateEnvironmentToken ModifyTemporaryCredentialsOnEnvironmentEC2 UpdateEnvironment UpdateEnvironmentMembership UpdateSSHRemote",
  cloudformation:
    "ContinueUpdateRollback CreateChangeSet CreateStackInstances ExecuteChangeSet ExecuteStackRefactor RollbackStack UpdateStack UpdateStackInstances UpdateStackSet",
  cloudshell: "CreateSession GetFileDownloadUrls GetFileUploadUrls PutCredentials",
  cloudwatch: "GetSpaceCredentials GetSpaceCredentialsForOrganization",
  codebuild: "StartBuild StartBuildBatch StartCommandExecution StartSandbox StartSandboxConnection UpdateProject",
  codeconnections: "GetConnectionToken GetIndividualAccessToken",
  codedeploy: "CreateDeployment",
  codepipeline:
    "GetJobDetails GetThirdPartyJobDetails PollForJobs PollForThirdPartyJobs PutActionRevision PutWebhook StartPipelineExecution UpdateActionType UpdatePipeline",
  codestar: "AssociateTeamMember UpdateTeamMember",
  "codestar-connections": "GetConnectionToken GetIndividualAccessToken",
  "cognito-identity": "GetOpenIdTokenForDeveloperIdentity SetIdentityPoolRoles SetPrincipalTagAttributeMap UpdateIdentityPool",
  // A remediation runs a document of Systems Manager as a role that its parameters name.
  config: "PutRemediationConfigurations",
  connect: "AdminGetEmergencyAccessToken GetFederationToken",
  databrew: "SendProjectSessionAction StartProjectSession",
  datapipeline: "ActivatePipeline PutPipelineDefinition",
  datasync: "CreateTask UpdateLocationS3",
  datazone: "GetDomainExecutionRoleCredentials GetEnvironmentCredentials",
  deadline:
    "AssumeFleetRoleForRead AssumeFleetRoleForWorker AssumeQueueRoleForRead AssumeQueueRoleForUser AssumeQueueRoleForWorker CreateJob CreateQueueEnvironment UpdateQueueEnvironment",
  devicefarm: "ScheduleRun",
  dlm: "UpdateLifecyclePolicy",
  // A saved password goes to the server that the endpoint names; as an API destination of events gets the connection's, and a connector of transfer its own.
  dms: "CreateReplicationTask ModifyEndpoint ModifyReplicationTask",
  drs: "PutLaunchAction",
  ec2: "AssociateEnclaveCertificateIamRole AttachVolume CreateLaunchTemplateVersion CreateReplaceRootVolumeTask GetPasswordData ModifyFleet ModifyInstanceAttribute ModifyInstanceMetadataOptions ModifyLaunchTemplate ModifySpotFleetRequest",
  "ec2-instance-connect": "OpenTunnel SendSSHPublicKey SendSerialConsoleSSHPublicKey",
  // Poll answers with the credentials of each task of the container instance (Sweet Security, ECScape, 2025).
  ecs: "CreateTaskSet ExecuteCommand Poll RegisterContainerInstance UpdateExpressGatewayService UpdateService",
  eks: "AssociateAccessPolicy AssociateIdentityProviderConfig CreateAccessEntry CreateAddon CreateCapability CreateNodegroup CreatePodIdentityAssociation MutateViaKubernetesApi UpdateAccessEntry UpdateAddon UpdateCapability UpdateClusterConfig UpdateNodegroupVersion UpdatePodIdentityAssociation",
  "eks-auth": "AssumeRoleForPodIdentity",
  elasticbeanstalk: "ComposeEnvironments CreateApplicationVersion CreatePlatformVersion UpdateConfigurationTemplate UpdateEnvironment",
  elasticmapreduce:
    "AddJobFlowSteps AttachEditor CreateStudioPresignedUrl CreateStudioSessionMapping GetClusterSessionCredentials GetOnClusterAppUIPresignedURL GetPersistentAppUIPresignedURL GetSessionEndpoint OpenEditorInConsole StartEditor StartNotebookExecution StartSession UpdateStudioSessionMapping",
  elastictranscoder: "UpdatePipeline",
  "emr-containers": "CreateManagedEndpoint GetManagedEndpointSessionCredentials StartJobRun",
  "emr-serverless": "AccessInteractiveEndpoints AccessLivyEndpoints GetSessionEndpoint",
  events: "CreateApiDestination RetrieveConnectionCredentials UpdateApiDestination",
  finspace: "ResetUserPassword UpdateKxClusterCodeConfiguration",
  "finspace-api": "GetProgrammaticAccessCredentials",
  firehose: "UpdateDestination",
  fis: "StartExperiment UpdateExperimentTemplate",
  gamelift:
    "GetComputeAccess GetInstanceAccess RequestUploadCredentials UpdateContainerFleet UpdateContainerGroupDefinition UpdateRuntimeConfiguration UpdateScript",
  gameliftstreams: "CreateStreamSessionAdminShell",
  glue: "CreateTrigger GetSessionEndpoint RunStatement StartJobRun UpdateCrawler UpdateDevEndpoint UpdateJob UpdateJobFromSourceControl UpdateTrigger UpdateUserDefinedFunction",
  grafana: "CreateWorkspaceApiKey CreateWorkspaceServiceAccountToken UpdateWorkspaceAuthentication",
  greengrass: "CreateDeployment",
  // A recipe that names a component by x.x.x takes the newest.
  imagebuilder: "CreateComponent CreateImage CreateWorkflow ImportComponent UpdateImagePipeline",
  iot: "CreateProvisioningTemplateVersion RotateTunnelAccessToken UpdateProvisioningTemplate UpdateStream",
  kafkaconnect: "UpdateConnector",
  kendra: "UpdateDataSource",
  kinesisanalytics:
    "AddApplicationInput AddApplicationInputProcessingConfiguration AddApplicationOutput AddApplicationReferenceDataSource CreateApplicationPresignedUrl UpdateApplication",
  lambda: "CreateMicrovmShellAuthToken UpdateFunctionCode UpdateFunctionConfiguration UpdateMicrovmImage",
  // The token is exchanged for credentials of the roles that it names.
  "license-manager": "CreateToken",
  lightsail:
    "CreateBucketAccessKey CreateGUISessionAccessDetails GetInstanceAccessDetails GetRelationalDatabaseMasterUserPassword StartGUISession UpdateInstanceMetadataOptions",
  m2: "CreateDeployment UpdateApplication",
  medialive: "CreateNodeRegistrationScript",
  mediapackage: "RotateChannelCredentials RotateIngestEndpointCredentials",
  mgn: "PutSourceServerAction PutTemplateAction UpdateLaunchConfiguration UpdateLaunchConfigurationTemplate",
  "migrationhub-orchestrator": "CreateWorkflowStep UpdateWorkflowStep",
  nimble: "CreateStreamingSession CreateStreamingSessionStream GetStreamingSessionStream UpdateStudioComponent",
  observabilityadmin: "UpdateTelemetryPipeline",
  opsworks: "CreateApp CreateDeployment CreateInstance CreateLayer GrantAccess UpdateApp UpdateInstance UpdateLayer UpdateStack",
  osis: "UpdatePipeline",
  pcs: "RegisterComputeNodeGroupInstance UpdateComputeNodeGroup",
  pipes: "UpdatePipe",
  proton:
    "CreateComponent CreateEnvironmentTemplateMinorVersion CreateEnvironmentTemplateVersion CreateService CreateServiceInstance CreateServiceTemplateMinorVersion CreateServiceTemplateVersion UpdateComponent UpdateEnvironment UpdateService UpdateServiceInstance UpdateServicePipeline",
  q: "AssociateLoginDomain CreateScimAccessToken",
  qbusiness: "UpdateDataSource",
  sagemaker:
    "CreateApp CreateInferenceComponent CreateNotebookInstanceLifecycleConfig CreatePartnerAppPresignedUrl CreatePresignedDomainUrl CreatePresignedMlflowAppUrl CreatePresignedMlflowTrackingServerUrl CreatePresignedNotebookInstanceUrl CreateProject StartNotebookInstance StartPipelineExecution StartSession UpdateDomain UpdateInferenceComponent UpdateNotebookInstance UpdateNotebookInstanceLifecycleConfig UpdatePipeline UpdateProject UpdateSpace UpdateUserProfile",
  securityagent: "CreateOneTimeLoginSession",
  servicecatalog: "CreateProvisioningArtifact ProvisionProduct",
  signin: "CreateOAuth2Token",
  snowball: "GetJobManifest GetJobUnlockCode",
  ssm: "CreateAssociation CreateAssociationBatch GetAccessToken RegisterTargetWithMaintenanceWindow RegisterTaskWithMaintenanceWindow RequestManagedInstanceRoleToken ResumeSession SendCommand StartAssociationsOnce StartAutomationExecution StartChangeRequestExecution StartSession UpdateAssociation UpdateDocument UpdateDocumentDefaultVersion UpdateMaintenanceWindowTarget UpdateMaintenanceWindowTask UpdateManagedInstanceRole",
  "ssm-quicksetup": "UpdateConfigurationDefinition",
  states: "UpdateStateMachine",
  storagegateway: "SetLocalConsolePassword SetSMBGuestPassword UpdateChapCredentials",
  synthetics: "StartCanaryDryRun UpdateCanary",
  transfer: "ImportSshPublicKey UpdateConnector UpdateServer UpdateUser",
  wickr: "CreateAdminSession CreateDataRetentionBotChallenge",
  workmail: "AssumeImpersonationRole CreateImpersonationRole PutMailboxPermissions ResetPassword UpdateImpersonationRole",
  workspaces: "Stream",
};

/** The same, as dynamodb:GetItem is written. */
export const TAKEOVERS: readonly string[] = Object.entries(TAKEN_OVER).flatMap(([service, names]) =>
  names.split(" ").map((name) => `${service}:${name}`),
);

/**
 * By principal without AWS's domain: the services whose actions make use of a role that is passed to it. Each is reviewed: in AWS's managed policies, of
 * February 2025, it is passed to by no other. A name alone says nothing: eks-fargate-pods is of eks, and what is passed to ec2 is used by a dozen services; so who is not here may be any's.
 */
const USERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["comprehend", ["comprehend"]],
  ["ecs-tasks", ["batch", "ecs"]],
  ["emr-serverless", ["emr-serverless"]],
  ["glue", ["databrew", "glue", "lakeformation", "securitylake"]],
  ["lambda", ["lambda", "securitylake", "synthetics"]],
  ["mediaconvert", ["mediaconvert"]],
  ["omics", ["omics"]],
  ["personalize", ["personalize"]],
  ["pipes", ["pipes"]],
  ["rekognition", ["rekognition"]],
  ["scheduler", ["scheduler"]],
  ["states", ["states"]],
  ["textract", ["textract"]],
  ["transcribe", ["transcribe"]],
  ["translate", ["translate"]],
]);

/** The principals that were reviewed, as ecs-tasks. */
export const REVIEWED_PRINCIPALS: readonly string[] = [...USERS.keys()];

/** Services by whose actions a role that is passed to the principal is used, as ecs-tasks.amazonaws.com or states.eu-west-1.amazonaws.com.cn. Undefined: it may be any's. */
export function servicesThatUse(principal: string): readonly string[] | undefined {
  const name = principal
    .toLowerCase()
    .replace(/\.amazonaws\.com(\.cn)?$/, "")
    .replace(/\.[a-z]{2}(-[a-z]+)+-[0-9]$/, "");
  return USERS.get(name);
}

/** Of the actions of those services, what ends something: nothing is started by it. */
export const ENDINGS = /^[a-z0-9-]+:(Cancel|Delete|Deregister|Disassociate|Remove|Stop|Terminate|Untag)/;

/** AWS's list calls these writes alone; by each others are let at what is there, or are shown something else under a name that is trusted. */
export const LETTING_IN: readonly string[] = [
  "appmesh:PutMeshPolicy",
  "codeartifact:PutDomainPermissionsPolicy",
  "ec2:CreateTrafficMirrorSession",
  "ec2:ModifyTrafficMirrorSession",
  "es:UpdateDomainConfig",
  "events:UpdateEventBus",
  "kms:CreateAlias",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateAlias",
  "lambda:CreateFunctionUrlConfig",
  "lambda:UpdateFunctionUrlConfig",
  "lightsail:SetResourceAccessForBucket",
  "lightsail:UpdateBucket",
  "logs:PutDestinationPolicy",
  "logs:PutSubscriptionFilter",
  "oam:PutSinkPolicy",
  "ram:AssociateResourceShare",
  "ram:CreateResourceShare",
  "rds:ModifyDBClusterSnapshotAttribute",
  "rds:ModifyDBSnapshotAttribute",
  "s3:PutReplicationConfiguration",
  "secretsmanager:TagResource",
  "ssm:AddTagsToResource",
  "storagegateway:UpdateNFSFileShare",
  "storagegateway:UpdateSMBFileShare",
];

/** And whatever writes the policy of a resource. */
export const RESOURCE_POLICY = /^[a-z0-9-]+:Put(Resource|Cluster)Policy$/;
